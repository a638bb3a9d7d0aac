"""Images: a bento becomes a container image."""
