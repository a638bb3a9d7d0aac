"""Read the arguments that stand in a request's URL.

In: an ASGI scope whose route was found. Out: arguments for the endpoint, with those of its body. What a client wrote
there is a value, never the name of anything.
Source: the ASGI specification 3.0 (`query_string`, `raw_path`); the URL standard, application/x-www-form-urlencoded.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Limits
from ekiben.http.body import Headers, OpenContext, Reader
from ekiben.http.exchange import Receive, Scope
from ekiben.schema.codec import Arguments, Codec

VALUES = "path_params"  # where a scope holds the segments of its path, as Starlette has it

Read = Callable[[Scope, Headers, Receive, OpenContext], Awaitable[Arguments]]


def plan(codec: Codec, limits: Limits) -> Read:
    """Settle how one endpoint's arguments are read, from body and URL."""
    body, url = Reader(codec, limits).read, codec.url

    async def read_body(scope: Scope, headers: Headers, receive: Receive, context: OpenContext) -> Arguments:
        return await body(headers, receive, context)

    if url is None:
        return read_body

    async def read(scope: Scope, headers: Headers, receive: Receive, context: OpenContext) -> Arguments:
        fields = [*scope.get(VALUES, {}).items()]
        if not codec.has_body:
            fields += query(scope["query_string"], codec.in_path, limits)
        _, given = url.from_fields(fields)
        if not codec.has_body:
            return (), given
        args, rest = await body(headers, receive, context)
        return args, given | rest

    return read


def query(content: bytes, in_path: tuple[str, ...], limits: Limits) -> list[tuple[str, str]]:
    """Read a query.

    Raises:
        InvalidInput: it is not UTF-8, has too many fields, or names what stands in the path.
    """
    if content.count(b"&") >= limits.max_parts:
        raise InvalidInput(f"the query has more than {limits.max_parts} fields")
    try:
        found = parse_qsl(content.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidInput("the query must be UTF-8, percent-encoded") from error
    for name, _ in found:
        if name in in_path:
            raise InvalidInput(f"`{name}` stands in the path, and must not stand in the query too")
    return found
