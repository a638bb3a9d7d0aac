"""Read a request's body, within limits, and decode it as its content type says.

In: ASGI messages. Out: arguments for the endpoint.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from ekiben.core.errors import BodyTooLarge, InvalidInput, UnsupportedMediaType
from ekiben.core.spec import Limits
from ekiben.schema.codec import Arguments, Codec
from ekiben.schema.content import JSON
from ekiben.schema.wire.json import depth

Receive = Callable[[], Awaitable[dict[str, Any]]]


class ClientLeft(Exception):
    """The client closed the connection before its request was complete."""


async def read(receive: Receive, limit: int) -> bytes:
    """Read a whole body of at most *limit* bytes."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def decode(body: bytes, content_type: str, codec: Codec, limits: Limits) -> Arguments:
    """Decode *body* as *content_type* says; an absent one means JSON."""
    media = content_type.partition(";")[0].strip().lower() or JSON
    if media == JSON or media.endswith("+json"):
        if depth(body, limits.max_depth):
            raise InvalidInput(f"the JSON is nested deeper than {limits.max_depth} levels")
        return codec.from_json(body)
    raise UnsupportedMediaType(f"this endpoint does not read {media}", hint=f"send {JSON}")
