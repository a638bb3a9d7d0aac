"""Programs over the whole."""
