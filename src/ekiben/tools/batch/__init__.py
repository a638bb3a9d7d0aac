"""Run an endpoint over files, without a server."""
