"""Artifacts of 0.13, a library a module; each imports its library when it is used."""
