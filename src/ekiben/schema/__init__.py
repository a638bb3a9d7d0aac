"""From type hints to what a value is, how bytes become it, and how it is documented."""
