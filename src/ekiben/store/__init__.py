"""Keep models on disk under their tags, and carry them elsewhere."""
