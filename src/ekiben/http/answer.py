"""Put an answer on the wire: its head, and bytes or a file.

In: what a codec encoded, and what the method asked for by its context. Out: ASGI messages.
Nothing that a method or a client wrote can add a header of its own: names and values are checked.
Source: RFC 9110 (fields, content negotiation), RFC 6265 (cookies), RFC 1952 (gzip).
"""

import asyncio
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from starlette.responses import Response

from ekiben.core.context import Cookie, ResponseContext
from ekiben.http.exchange import Send
from ekiben.schema.content import Encoded

Header = tuple[bytes, bytes]

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # control characters, line breaks among them
COMPRESSIBLE = re.compile(
    rb"(text/|application/(.+\+)?(json|xml|javascript|yaml|x-ndjson|openapi\+json)|image/svg\+xml)", re.IGNORECASE
)
OURS = frozenset({"content-length", "transfer-encoding", "connection"})  # the transport's, not the method's
CHUNK = 256 * 1024  # bytes of a file that are read at once
OFF_LOOP = 64 * 1024  # bytes from which compressing leaves the event loop
LEVEL = 1  # of gzip: most of the gain for the least time


@dataclass(slots=True)
class Answer:
    """A status, headers, and a body: bytes, or a file that is sent as it is."""

    status: int
    body: bytes | Path = b""
    headers: list[Header] = field(default_factory=list)


def plain(status: int, body: bytes, media_type: str, extra: Mapping[str, str] | None = None) -> Answer:
    """Make an answer of bytes that we wrote ourselves."""
    headers = [media_header(media_type)]
    if extra:
        headers += [(name.encode(), value.encode("latin-1")) for name, value in extra.items()]
    return Answer(status, body, headers)


def encoded(content: Encoded, response: ResponseContext | None) -> Answer:
    """Make an answer of what a codec gave and what the method set in its context.

    Raises:
        ValueError: the status is none, or a header would break the head.
    """
    headers = [media_header(content.media_type)]
    if content.headers:
        headers += checked(content.headers.items())
    if response is None:
        return Answer(200, content.body, headers)
    if response.headers:
        given = [(name, value) for name, value in response.headers.items() if name.lower() not in OURS]
        theirs = checked(given)
        replaced = {name for name, _ in theirs}
        headers = [header for header in headers if header[0] not in replaced] + theirs
    headers += [cookie_header(cookie) for cookie in response.cookies]
    status = response.status_code
    if status not in range(200, 600):
        raise ValueError(f"`ctx.response.status_code` must be a status from 200 to 599: {status!r}")
    return Answer(status, content.body, headers)


@lru_cache(maxsize=256)
def media_header(media_type: str) -> Header:
    """Give the `content-type` line of an answer."""
    return checked([("content-type", media_type)])[0]


def checked(headers: Iterable[tuple[str, str]]) -> list[Header]:
    """Encode header lines.

    Raises:
        ValueError: a name is none, or a value holds a line break or another control character.
    """
    found = []
    for name, value in headers:
        text = str(value)
        if not TOKEN.fullmatch(name):
            raise ValueError(f"a header's name must be a token (RFC 9110): {name!r}")
        if UNFIT.search(text):
            raise ValueError(f"the header `{name}` must not hold control characters: {text!r}")
        found.append((name.lower().encode(), text.encode("latin-1")))
    return found


def cookie_header(cookie: Cookie) -> Header:
    """Write one `set-cookie` line; raises ValueError as `checked` does."""
    carrier = Response()
    carrier.set_cookie(
        cookie.key,
        cookie.value,
        max_age=cookie.max_age,
        expires=cookie.expires,
        path=cookie.path,
        domain=cookie.domain,
        secure=cookie.secure,
        httponly=cookie.httponly,
        samesite=cookie.samesite,
    )
    return checked([("set-cookie", carrier.headers["set-cookie"])])[0]


async def send(answer: Answer, to: Send, *, head: bool = False, accepts: bytes = b"", gzip_min: int | None) -> None:
    """Send *answer*.

    Args:
        answer: what to send.
        to: where to.
        head: the request was HEAD: the same headers, no body.
        accepts: the request's `accept-encoding`.
        gzip_min: bytes from which a body is compressed for a client that accepts it; None: never.
    """
    body, headers = answer.body, answer.headers
    if isinstance(body, Path):
        await send_file(answer.status, body, headers, to, head=head)
        return
    if gzip_min is not None and len(body) >= gzip_min and compressible(headers):
        headers = [*headers, (b"vary", b"accept-encoding")]
        if accepts_gzip(accepts):
            body = await asyncio.to_thread(compress, body) if len(body) > OFF_LOOP else compress(body)
            headers.append((b"content-encoding", b"gzip"))
    if answer.status in (204, 304):
        body = b""
    else:
        headers.append((b"content-length", b"%d" % len(body)))
    await to({"type": "http.response.start", "status": answer.status, "headers": headers})
    await to({"type": "http.response.body", "body": b"" if head else body})


async def send_file(status: int, path: Path, headers: list[Header], to: Send, *, head: bool) -> None:
    """Send a file in pieces, read off the event loop; its length is that at the start."""
    file = await asyncio.to_thread(path.open, "rb")
    try:
        rest = file.seek(0, 2)
        file.seek(0)
        headers.append((b"content-length", b"%d" % rest))
        await to({"type": "http.response.start", "status": status, "headers": headers})
        while rest and not head:
            chunk = await asyncio.to_thread(file.read, min(CHUNK, rest))
            if not chunk:
                raise OSError(f"the file became shorter while it was sent: {path.name}")
            rest -= len(chunk)
            await to({"type": "http.response.body", "body": chunk, "more_body": True})
        await to({"type": "http.response.body", "body": b""})
    finally:
        file.close()


def compressible(headers: list[Header]) -> bool:
    """Say whether a body gains by gzip; one that is compressed already does not."""
    media = b""
    for name, value in headers:
        if name == b"content-type":
            media = value
        elif name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value):
            return False
    return COMPRESSIBLE.match(media) is not None


@lru_cache(maxsize=256)
def accepts_gzip(header: bytes) -> bool:
    """Read `accept-encoding`: gzip is named, or `*` is, and not with a quality of 0."""
    found = {}
    for part in header.decode("latin-1").lower().split(","):
        name, _, parameter = part.partition(";")
        quality = parameter.replace(" ", "").removeprefix("q=") or "1"
        found[name.strip()] = quality.strip("0.") != ""
    return found.get("gzip", found.get("*", False))


def compress(body: bytes) -> bytes:
    """Compress by gzip; the same bytes give the same bytes."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
