"""A typed client that mirrors a service."""
