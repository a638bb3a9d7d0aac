"""Talk to an OCI registry: blobs, manifests, logins; knows nothing of stores."""
