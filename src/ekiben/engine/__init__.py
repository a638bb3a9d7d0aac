"""Calls into batches into replies; knows no HTTP."""
