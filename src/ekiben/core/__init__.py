"""The words that everybody uses; nothing but the standard library."""
