"""Container images without an engine, as the OCI image specification has them."""
