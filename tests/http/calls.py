"""A service with an endpoint for each way of calling, for the tests of this wing."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from PIL.Image import Image
from PIL.Image import new as new_image
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response, StreamingResponse

import ekiben
from ekiben.exceptions import InvalidInput
from ekiben.validators import ContentType


class Row(BaseModel):
    """Two numbers."""

    left: float
    right: float = Field(gt=0)


@ekiben.service(name="calls")
class Calls:
    """Answers in every way."""

    @ekiben.api
    def add(self, a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @ekiben.api
    async def double(self, rows: list[Row], /) -> list[Row]:
        """Double the left numbers."""
        return [Row(left=2 * row.left, right=row.right) for row in rows]

    @ekiben.api
    def scale(self, x: np.ndarray, /) -> np.ndarray:
        """Double an array."""
        return x * 2

    @ekiben.api
    def measure(
        self, image: Annotated[Image, ContentType("image/jpeg")] = Field(description="A picture")
    ) -> Annotated[str, ContentType("application/json")]:
        """Say how wide a picture is."""
        return f'{{"width": {image.width}}}'

    @ekiben.api
    def gather(self, files: list[Path], names: list[str] | None = None, note: str = "") -> dict[str, Any]:
        """Say what was uploaded."""
        sizes = [path.stat().st_size for path in files]
        return {"sizes": sizes, "folders": [str(p.parent) for p in files], "names": names, "note": note}

    @ekiben.api
    def keep(self, file: Path) -> Path:
        """Give a file back."""
        return file

    @ekiben.api
    def paint(self, width: int) -> Image:
        """Paint a picture."""
        return new_image("RGB", (width, 1))

    @ekiben.api
    def numbers(self, count: int) -> list[int]:
        """Count up."""
        return list(range(count))

    @ekiben.api
    def tell(self, name: str, value: str, ctx: ekiben.Context) -> str:
        """Set a header and a cookie."""
        ctx.response.headers[name] = value
        ctx.response.set_cookie("taste", value)
        ctx.response.status_code = 201
        return ctx.request_id

    @ekiben.api
    async def echo(self, ctx: ekiben.Context) -> bytes:
        """Give the body back as it came."""
        return bytes(await ctx.request.body())

    @ekiben.api
    def count(self, ctx: ekiben.Context) -> int:
        """Count this worker's calls."""
        ctx.state["count"] = ctx.state.get("count", 0) + 1
        return int(ctx.state["count"])

    @ekiben.api
    def streamed(self) -> Any:
        """Give a response of the user's that comes in pieces."""
        return StreamingResponse(iter(["a", "b", "c"]), 201, media_type="text/x-own")

    @ekiben.api
    def passed(self, ctx: ekiben.Context) -> Any:
        """Give a response of Starlette's."""
        ctx.response.headers["x-beside"] = "1"
        return Response(b"raw", 203, media_type="application/x-own")

    @ekiben.api
    def fail(self, how: str) -> str:
        """Raise."""
        raise {
            "ours": InvalidInput("`how` must be kind: 'ours'", hint="be kind"),
            "theirs": HTTPException(418, "short and stout"),
            "bug": ValueError("the password is 12345"),
            "exit": SystemExit(3),
        }[how]

    @ekiben.api
    def text(self) -> Any:
        """Give a plain response."""
        return PlainTextResponse("plain")
