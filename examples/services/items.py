"""A service with arguments in its URLs."""

import ekiben


@ekiben.service
class Shelf:
    """Keeps names by number."""

    def __init__(self) -> None:
        self.names = {1: "first", 2: "second"}

    @ekiben.api(route="/items/{item_id}", method="GET")
    def item(self, item_id: int) -> str:
        """Give the name of an item."""
        if item_id not in self.names:
            raise ekiben.exceptions.NotFound(f"there is no item {item_id}")
        return self.names[item_id]

    @ekiben.api(route="/items/{item_id}", method="PUT")
    def rename(self, item_id: int, name: str) -> str:
        """Give an item a name, which stands in the body."""
        self.names[item_id] = name
        return name

    @ekiben.api(method="GET")
    def search(self, text: str = "", limit: int = 10) -> list[str]:
        """Find names; `/search?text=f&limit=3`."""
        return [name for name in self.names.values() if text in name][:limit]
