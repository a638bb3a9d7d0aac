"""Save a trained model, serve it fast, pack it once and run it anywhere."""
