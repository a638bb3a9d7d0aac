"""From type hints to what a value is, how bytes become it, how it is documented."""
