"""Bytes into calls and back."""
