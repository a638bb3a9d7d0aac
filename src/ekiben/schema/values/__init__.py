"""Kinds of values, one a file, each importing its library on first use."""
