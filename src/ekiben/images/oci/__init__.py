"""Container images without a container engine, as the OCI image specification has them."""
