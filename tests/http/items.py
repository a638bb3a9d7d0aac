"""A service whose arguments stand in the URL, for `test_apart.py`."""

from typing import Annotated, Any

from pydantic import Field

import ekiben


@ekiben.service(path_prefix="/v1")
class Items:
    """Items."""

    @ekiben.api(route="/items/{item_id}", method="GET")
    def item(self, item_id: Annotated[int, Field(ge=1)], ctx: ekiben.Context, verbose: bool = False) -> dict[str, Any]:
        """Give an item."""
        return {"id": item_id, "verbose": verbose, "params": dict(ctx.request.path_params)}

    @ekiben.api(route="/items/{item_id}", method="PUT")
    async def change(self, item_id: int, name: str, force: bool = False) -> dict[str, Any]:
        """Change an item."""
        return {"id": item_id, "name": name, "force": force}

    @ekiben.api(method="GET")
    def find(self, text: str, tags: list[str] = Field([])) -> dict[str, Any]:
        """Find items."""
        return {"text": text, "tags": tags}
