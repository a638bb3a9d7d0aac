"""Read a request's body, within limits, and decode it as its content type says.

In: ASGI messages and headers. Out: arguments for the endpoint. What the endpoint does not read is refused (415) before
its body is; a pickle always is. An absent content type means JSON.
Source: RFC 9110, 8.3 and 8.4 (content type, content encoding).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from ekiben.core.context import Context
from ekiben.core.errors import BodyTooLarge, InvalidInput, UnsupportedMediaType
from ekiben.core.spec import Limits
from ekiben.http import form
from ekiben.http.exchange import Receive
from ekiben.http.inflate import Inflater
from ekiben.http.plain_form import Fields, is_pickle
from ekiben.schema.codec import Arguments, Codec
from ekiben.schema.content import FORM, JSON, OCTETS, URLENCODED, Upload, essence, matches
from ekiben.schema.wire.json import depth
from ekiben.schema.wire.raw import NPY

OFF_LOOP = 256 * 1024  # bytes of an image or a file from which decoding leaves the event loop
ARRAY_OFF_LOOP = 4 * 1024 * 1024  # bytes of an array, which is not decoded but lies in its body
UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")

Headers = dict[bytes, bytes]
OpenContext = Callable[[], Context]  # gives the call's context, made on first use


class ClientLeft(Exception):
    """The client closed the connection before its answer was there."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a body of one content type is read."""

    read: str  # json | multipart | urlencoded | raw
    media: str


class Reader:
    """Reads the bodies of one endpoint; planned once.

    Args:
        codec: what the endpoint reads.
        limits: how much of it.
    """

    def __init__(self, codec: Codec, limits: Limits) -> None:
        self._codec = codec
        self._limits = limits
        takes_json = JSON in codec.input_media and JSON not in codec.raw_media
        self._kinds = {b"": Kind("json", JSON) if takes_json or not codec.raw_media else Kind("raw", OCTETS)}
        if takes_json:
            self._kinds[JSON.encode()] = self._kinds[b""]
        self.from_json = codec.from_json if codec.is_shallow else self._from_json
        self._takes_all = codec.input_media == codec.raw_media and "*/*" in codec.raw_media
        self._off_loop = ARRAY_OFF_LOOP if NPY in codec.raw_media else OFF_LOOP

    async def read(self, headers: Headers, receive: Receive, context: OpenContext) -> Arguments:
        """Read and decode one body.

        Args:
            headers: of the request.
            receive: gives the pieces of the body.
            context: gives the call's context, which files are spooled into.

        Raises:
            InvalidInput: the body or a value in it is wrong; BodyTooLarge and UnsupportedMediaType among it.
            ClientLeft: the body ended before its end.
        """
        declared = headers.get(b"content-type", b"")
        kind = self.kind(declared)
        most = self._limits.max_body
        check_length(headers, most)
        if kind.read == "json" and b"content-encoding" not in headers:
            return self.from_json(await read(receive, most))
        incoming = chunks(receive, headers.get(b"content-encoding", b"").decode("latin-1").strip().lower(), most)
        if kind.read == "multipart":
            return self._from_fields(await form.read_multipart(incoming, declared, self._limits, context()))
        body = b"".join([chunk async for chunk in incoming])
        if kind.read == "urlencoded":
            return self._from_fields(form.read_urlencoded(body, self._limits))
        if kind.read == "raw" and self.is_long(len(body)):
            return await asyncio.to_thread(self.from_body, kind, body, declared, context)
        return self.from_body(kind, body, declared, context)

    def kind(self, declared: bytes) -> Kind:
        """Say how a body is read; raises what `settle` does."""
        return self._kinds.get(declared) or settle(declared.decode("latin-1"), self._codec)

    def is_long(self, size: int) -> bool:
        """Say whether decoding a raw body of *size* bytes must leave the event loop."""
        return size > self._off_loop

    def from_body(self, kind: Kind, body: bytes | bytearray, declared: bytes, context: OpenContext) -> Arguments:
        """Decode a whole body that is JSON, a form of parts, or one raw value.

        Args:
            kind: how it is read.
            body: a `bytearray` is given away.
            declared: the content type, empty where there is none.
            context: gives the call's context, for a file.
        """
        if kind.read == "multipart":
            return self._from_fields(form.read_whole(bytes(body), declared, self._limits, context()))
        if kind.read == "json" or not (body or declared or self._takes_all):  # nothing at all: say what is missing
            return self.from_json(bytes(body))
        return self._codec.from_raw(Upload(body, kind.media, "", context()))

    def _from_json(self, body: bytes) -> Arguments:
        """Decode a body of JSON that may nest as deep as its sender likes."""
        if depth(body, self._limits.max_depth):
            raise InvalidInput(f"the JSON is nested deeper than {self._limits.max_depth} levels")
        return self._codec.from_json(body)

    def _from_fields(self, fields: Fields) -> Arguments:
        for name, value in fields:
            held = value.content if isinstance(value, Upload) else value.encode()
            if isinstance(held, bytes) and held[:1] in (b"[", b"{") and depth(held, self._limits.max_depth):
                raise InvalidInput(f"`{name}` is nested deeper than {self._limits.max_depth} levels")
        return self._codec.from_fields(fields)


def settle(content_type: str, codec: Codec) -> Kind:
    """Choose how a body of *content_type* is read.

    Raises:
        UnsupportedMediaType: the endpoint does not read it, or nobody here does.
    """
    media = essence(content_type)
    if is_pickle(media):
        raise UnsupportedMediaType(f"pickles are not read here: {media}", hint=f"send {JSON}")
    reads = codec.input_media
    if (media == JSON or media.endswith("+json")) and JSON in reads and JSON not in codec.raw_media:
        check_charset(content_type)
        return Kind("json", media)
    if media == FORM and FORM in reads:
        return Kind("multipart", media)
    if media == URLENCODED and URLENCODED in reads:
        check_charset(content_type)
        return Kind("urlencoded", media)
    if any(matches(media, glob) for glob in codec.raw_media):
        return Kind("raw", content_type)
    if any(matches(media, glob) for glob in codec.json_media):
        check_charset(content_type)
        return Kind("json", media)
    raise UnsupportedMediaType(f"this endpoint does not read {media}", hint="send " + " or ".join(reads))


def check_charset(content_type: str) -> None:
    """Hold text to UTF-8 (RFC 8259, 8.1); raises UnsupportedMediaType."""
    for parameter in content_type.lower().split(";")[1:]:
        name, _, value = parameter.strip().partition("=")
        if name == "charset" and value.strip('"') not in UTF8:
            raise UnsupportedMediaType(f"the charset must be utf-8: {value}")


def check_length(headers: Headers, limit: int) -> None:
    """Refuse by `content-length` what would be too large; raises BodyTooLarge."""
    length = headers.get(b"content-length", b"")
    if len(length) > 18 or (length.isdigit() and int(length) > limit):
        raise BodyTooLarge(f"the body must be at most {limit} bytes: {length.decode('latin-1')[:20]}")


async def read(receive: Receive, limit: int) -> bytes:
    """Read a whole body of at most *limit* bytes; raises BodyTooLarge and ClientLeft."""
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        return body
    found, size = [], 0
    while True:
        chunk = take(message)
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        found.append(chunk)
        if not message.get("more_body"):
            return b"".join(found)
        message = await receive()


async def chunks(receive: Receive, coding: str, limit: int) -> AsyncIterator[bytes]:
    """Give the pieces of a body, unpacked; raises what `read` and `Inflater` do."""
    inflater = None if coding in ("", "identity") else Inflater(coding, limit)
    size, more = 0, True
    while more:
        message = await receive()
        chunk = take(message)
        more = message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"the body is larger than {limit} bytes")
        if inflater is None:
            yield chunk
        else:
            for piece in inflater.feed(chunk):
                yield piece
    if inflater is not None:
        inflater.finish()


def take(message: Any) -> bytes:
    """Give a message's piece of the body; raises ClientLeft."""
    if message["type"] == "http.disconnect":
        raise ClientLeft
    chunk: bytes = message.get("body", b"")
    return chunk
