"""How arguments travel in a body, one format a file."""
