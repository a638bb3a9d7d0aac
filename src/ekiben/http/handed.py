"""Read and answer single requests by a codec, for code that was handed them.

In: a `starlette.requests.Request`, such as a mounted app has, and a codec. Out: arguments; a `starlette` response.
What is refused elsewhere is refused here: large bodies, pickles, types that the endpoint does not read.
"""

import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from ekiben.core.context import Context, ResponseContext
from ekiben.core.spec import Limits
from ekiben.http import answer
from ekiben.http.body import Reader
from ekiben.schema.codec import Arguments, Codec
from ekiben.schema.content import Encoded
from ekiben.schema.signature import EMPTY


async def read(request: Request, codec: Codec, limits: Limits = Limits()) -> Arguments:
    """Read a request's body as the codec's endpoint would.

    Files that come with it live as long as *request*.

    Raises:
        InvalidInput: the body or a value in it is wrong.
    """
    context = Context()
    weakref.finalize(request, context.close)
    return await Reader(codec, limits).read(dict(request.scope["headers"]), request.receive, lambda: context)


def respond(value: Any, codec: Codec, given: ResponseContext | None = None, *, accepted: str = "") -> Response:
    """Make the response that the codec's endpoint would.

    Args:
        value: what it returns; of a stream, an iterator of the pieces. A response stays as it is.
        codec: writes it.
        given: status, headers and cookies beside it.
        accepted: the request's `accept`.

    Raises:
        TypeError: the value cannot be written.
    """
    if isinstance(value, Response):
        return value
    if codec.pieces is not None:
        return stream(value, codec, given, accepted)
    made = answer.encoded(codec.encoder_for(accepted)(value), given)
    if isinstance(made.body, bytes):
        response = Response(made.body, made.status)
        length = (b"content-length", b"%d" % len(made.body))
    else:
        response = FileResponse(made.body, made.status)
        length = (b"content-length", b"%d" % made.body.stat().st_size)
    response.raw_headers[:] = [*made.headers, length]
    return response


def stream(value: Any, codec: Codec, given: ResponseContext | None, accepted: str) -> StreamingResponse:
    """Make the response of a stream from an iterator of its pieces."""
    assert codec.pieces is not None  # the codec is of a stream
    form = codec.pieces.choose(accepted, EMPTY)

    def written() -> Iterator[bytes]:
        for piece in value:
            yield form.write(piece)

    async def written_async() -> AsyncIterator[bytes]:
        async for piece in value:
            yield form.write(piece)

    response = StreamingResponse(written_async() if hasattr(value, "__aiter__") else written())
    response.raw_headers[:] = answer.encoded(Encoded(b"", form.media, form.headers), given).headers
    response.status_code = 200 if given is None else given.status_code
    return response
