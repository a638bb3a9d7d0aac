"""Services of 0.13: classes that are packed with artifacts, and saved as bundles."""
