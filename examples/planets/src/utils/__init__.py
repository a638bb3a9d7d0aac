"""What the steps of the pipeline share."""
