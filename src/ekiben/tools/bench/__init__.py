"""Load a service, and say how it did."""
