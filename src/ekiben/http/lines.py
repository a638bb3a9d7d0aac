"""Write one finished request as a line, as text or as JSON.

In: an exchange. Out: an `Entry` of plain values, and its line. Nothing that a client sent can begin a line of its own.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ekiben.core.log import ACCESS
from ekiben.core.spec import AccessSpec
from ekiben.http.exchange import TRACE, Finished

KEPT = 1024  # parts of lines
LONGEST = 256  # letters of what a part is kept for, as a client may send 64 kB of them, each time others
OPENING = "ekiben.opening"  # where a scope that several requests share holds the start of their lines


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
    declared, size = headers.get(b"content-type"), headers.get(b"content-length")
    found = details(spec, declared, size, exchange.media_type, exchange.length)
    if TRACE in scope:
        found["trace_id"] = scope[TRACE]
    client, method, path = address(scope.get("client")), scope["method"], scope["path"]
    return Entry(now, client, method, path, exchange.status, seconds, exchange.request_id, found)


def details(spec: AccessSpec, declared: bytes | None, size: bytes | None, media: bytes, length: int) -> dict[str, Any]:
    """Give the types and sizes of the bodies, as far as they are logged."""
    found: dict[str, Any] = {}
    if spec.request_content_type and declared is not None:
        found["request_content_type"] = declared.decode("latin-1")
    if spec.request_content_length and size is not None:
        found["request_content_length"] = int(size) if size.isdigit() else size.decode("latin-1")
    if spec.response_content_type and media:
        found["response_content_type"] = media.decode("latin-1")
    if spec.response_content_length:
        found["response_content_length"] = length
    return found


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
    asked = f'{one.client} "{printable(one.method)} {printable(one.path)}"'
    return (
        f"{asked} {one.status} {one.seconds * 1000:.2f}ms{bodies(one.details)} id={one.request_id}{trace(one.details)}"
    )


def bodies(found: dict[str, Any]) -> str:
    """Write what is told of the bodies."""
    if not found.keys() - {"trace_id"}:
        return ""
    taken = side(found.get("request_content_type"), found.get("request_content_length"))
    answered = side(found.get("response_content_type"), found.get("response_content_length"))
    return f" ({taken} -> {answered})"


def trace(found: dict[str, Any]) -> str:
    """Write the id of the trace, if there is one."""
    return f" trace={found['trace_id']}" if "trace_id" in found else ""


def side(media: str | None, size: Any) -> str:
    """Write the type and size of a body, as far as they are logged."""
    length = size if type(size) is int or size is None else printable(size)
    if media is None:
        return "-" if length is None else str(length)
    shown = plain(media) if len(media) <= LONGEST else printable(media)
    return shown if length is None else f"{shown}, {length}"


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
    return f"{local_stamp(int(one.time))},{int((one.time - int(one.time)) * 1000):03d} INFO {message(one)}\n"


def text_writer(spec: AccessSpec) -> Callable[[Finished, float, float], str]:
    """Plan how requests are written as text: as `text_line` writes their entries.

    Most requests of a client differ in status, time and id only, so the rest of the line is kept for the next one.
    """

    @lru_cache(maxsize=KEPT)
    def asked(client: Any, method: str, path: str) -> str:
        return f'{address(client)} "{printable(method)} {printable(path)}"'

    @lru_cache(maxsize=KEPT)
    def told(declared: bytes | None, size: bytes | None, media: bytes, length: int) -> str:
        return bodies(details(spec, declared, size, media, length))

    last = -1, ""  # the millisecond of the line before, and how it is written

    def write(exchange: Finished, seconds: float, now: float) -> str:
        nonlocal last
        scope, headers, moment = exchange.scope, exchange.headers, int(now * 1000)
        if moment != last[0]:
            last = moment, f"{local_stamp(moment // 1000)},{moment % 1000:03d} INFO "
        opening = scope.get(OPENING)
        if opening is None:
            client = scope.get("client")
            ask = asked if len(scope["path"]) <= LONGEST else asked.__wrapped__
            opening = scope[OPENING] = ask(client and tuple(client), scope["method"], scope["path"])
        content_type, length = headers.get(b"content-type"), headers.get(b"content-length")
        tell = told if content_type is None or len(content_type) <= LONGEST else told.__wrapped__
        closing = tell(content_type, length, exchange.media_type, exchange.length)
        traced = f" trace={scope[TRACE]}" if TRACE in scope else ""
        return (
            f"{last[1]}{opening} {exchange.status} {seconds * 1000:.2f}ms{closing} id={exchange.request_id}{traced}\n"
        )

    return write


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
