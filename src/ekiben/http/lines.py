"""Write one finished request as a line, as text or as JSON.

In: an exchange. Out: an `Entry` of plain values, and its line. Nothing that a client sent can begin a line of its own.
"""

import time
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ekiben.core.log import ACCESS
from ekiben.core.spec import AccessSpec
from ekiben.http.exchange import TRACE, Finished


class Entry(NamedTuple):
    """One finished request, as plain values."""

    time: float  # of time.time
    client: str
    method: str
    path: str
    status: int
    seconds: float
    request_id: str
    details: dict[str, Any]  # types and sizes of the bodies, as far as they are logged


def entry(exchange: Finished, seconds: float, now: float, spec: AccessSpec) -> Entry:
    """Gather what is logged of one request."""
    scope, headers = exchange.scope, exchange.headers
    details: dict[str, Any] = {}
    if spec.request_content_type and b"content-type" in headers:
        details["request_content_type"] = headers[b"content-type"].decode("latin-1")
    if spec.request_content_length and b"content-length" in headers:
        length = headers[b"content-length"]
        details["request_content_length"] = int(length) if length.isdigit() else length.decode("latin-1")
    if spec.response_content_type and exchange.media_type:
        details["response_content_type"] = exchange.media_type.decode("latin-1")
    if spec.response_content_length:
        details["response_content_length"] = exchange.length
    if TRACE in scope:
        details["trace_id"] = scope[TRACE]
    client, method, path = address(scope.get("client")), scope["method"], scope["path"]
    return Entry(now, client, method, path, exchange.status, seconds, exchange.request_id, details)


def address(client: Any) -> str:
    """Write a client's address."""
    if not client:
        return "-"
    host, port = client[0], client[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def values(one: Entry) -> dict[str, Any]:
    """Give an entry's values by name."""
    return {
        "client": one.client,
        "method": one.method,
        "path": one.path,
        "status": one.status,
        "duration_ms": round(one.seconds * 1000, 3),
        "request_id": one.request_id,
        **one.details,
    }


def message(one: Entry) -> str:
    """Write an entry for people; nothing that a client sent can break the line."""
    head = f'{one.client} "{printable(one.method)} {printable(one.path)}" {one.status} {one.seconds * 1000:.2f}ms'
    given = one.details.get
    trace = f" trace={given('trace_id')}" if given("trace_id") else ""
    if not one.details:
        return f"{head} id={one.request_id}"
    taken = side(given("request_content_type"), given("request_content_length"))
    answered = side(given("response_content_type"), given("response_content_length"))
    return f"{head} ({taken} -> {answered}) id={one.request_id}{trace}"


def side(media: str | None, size: Any) -> str:
    """Write the type and size of a body, as far as they are logged."""
    length = size if type(size) is int or size is None else printable(size)
    if media is None:
        return "-" if length is None else str(length)
    return plain(media) if length is None else f"{plain(media)}, {length}"


@lru_cache(maxsize=256)
def plain(media: str) -> str:
    """Escape a media type; there are few of them."""
    return printable(media)


def printable(text: str) -> str:
    """Escape what is not printable, and quotes."""
    if text.isprintable() and '"' not in text:
        return text
    return text.encode("unicode_escape").decode().replace('"', "%22")


def text_line(one: Entry) -> str:
    """Write a whole line as the text formatter does."""
    return f"{local_stamp(int(one.time))},{int(one.time % 1 * 1000):03d} INFO {message(one)}\n"


def json_line(one: Entry) -> str:
    """Write a whole line as the JSON formatter does."""
    line = {
        "time": f"{utc_stamp(int(one.time))}.{int(one.time % 1 * 1000):03d}Z",
        "level": "info",
        "logger": ACCESS,
        "message": message(one),
        **values(one),
    }
    return orjson.dumps(line).decode() + "\n"


@lru_cache(maxsize=4)
def local_stamp(second: int) -> str:
    """Write a second as the text formatter does; lines of one second share it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


@lru_cache(maxsize=4)
def utc_stamp(second: int) -> str:
    """Write a second as RFC 3339 does."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
