"""What the user writes, turned into a `BoundService`."""
