"""Plan which endpoints the protocol answers itself, past the ASGI app.

In: a service and its codecs, once at start. Out: routes by the bytes of their paths. Only plain calls go this way: a
POST whose body is JSON, one raw value or a small form, of a known length, without a header that somebody else has to
judge. The app answers the rest, and what failed.
Middleware of the user's (one that answers 401, say) guards every endpoint, so a service with any has no routes here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from starlette.responses import Response

from ekiben.core.errors import UnsupportedMediaType
from ekiben.core.spec import BoundService, EndpointSpec, Limits
from ekiben.engine.door import Door
from ekiben.http import answer
from ekiben.http.access import AccessLog
from ekiben.http.body import Kind, Reader
from ekiben.http.form import SPOOL
from ekiben.http.metrics import Tally
from ekiben.http.mount import Mounts
from ekiben.schema.codec import Codec
from ekiben.schema.content import FORM, Encoded

LANES = ("asgi", "fast")
READ = ("json", "raw", "multipart")  # kinds of bodies that are read here
MULTIPART = b"multipart/form-data;"  # with a boundary, which differs from request to request
MANY = 64  # content types that are remembered, as clients may write them in any way
PLAIN = re.compile(r"/[A-Za-z0-9._~/-]*")  # a path that stands in a request as it stands here
OTHERS = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade", b"origin", b"sec-fetch-site"})
FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})

Headers = dict[bytes, bytes]
Authorize = Callable[[str, Headers], bool]


@dataclass(slots=True)
class Inside:
    """Requests that are being answered, in both lanes."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all routes of one app share."""

    door: Callable[[str], Door]
    limits: Limits
    gzip_min: int | None
    id_header: bytes
    inside: Inside
    access: AccessLog | None
    proxied: bool  # the app may believe a proxy who the client is
    cycle: Callable[..., Any]  # makes what answers one request
    authorize: Authorize | None = (
        None  # whether path and headers of a request let it in; the app tells the others why not
    )


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer of one media type begins with, up to the digits of its length."""

    start: bytes
    media: bytes
    most: float  # bytes of a body that is sent as it is


class Route:
    """One endpoint that the protocol answers itself."""

    def __init__(self, endpoint: EndpointSpec, path: str, codec: Codec, tally: Tally, shared: Shared) -> None:
        reader = Reader(codec, shared.limits)
        self.name = endpoint.name
        self.path = path
        self.tally = tally
        self.door = shared.door
        self.cycle = shared.cycle
        self.inside = shared.inside
        self.access = None if shared.access is None or shared.access.skips(path) else shared.access
        self.id_header = shared.id_header
        self.id_line = b"\r\n%b: " % shared.id_header
        self.authorize = shared.authorize
        self._limits = shared.limits
        self._gzip_min = shared.gzip_min
        self.decode = reader.from_json
        self.reader = reader
        self._kinds: dict[bytes, Kind] = {}
        self._form = Kind("multipart", FORM) if FORM in codec.input_media else None
        self._codec = codec
        self._has_choice = len(codec.encoders) > 1
        self._is_left = codec.output_leaf is not None and codec.output_leaf.kind == "image"  # encoded off the loop
        self._others = OTHERS | FORWARDED if shared.proxied else OTHERS
        self._defaults: list[answer.Header] = []
        self._heads: dict[str, Head] = {}

    def read(self, lines: list[answer.Header]) -> Headers | None:
        """Give the headers of a request that goes this way, else None."""
        headers, limits, others = dict(lines), self._limits, self._others
        if len(headers) != len(lines) or len(lines) > limits.max_headers or not others.isdisjoint(headers):
            return None
        kind = self.kind(headers.get(b"content-type", b""))
        if kind is None:
            return None
        length = headers.get(b"content-length", b"0")
        if len(length) > 15 or not length.isdigit() or int(length) > limits.max_body:
            return None
        if kind.read == "multipart" and int(length) > SPOOL:  # a file of it may have to lie on the disk
            return None
        if sum(map(len, chain.from_iterable(lines))) > limits.max_header_size:
            return None
        return headers if self.lets_in(headers) else None

    def kind(self, declared: bytes) -> Kind | None:
        """Say how a body of a content type is read; None: not here."""
        found = self._kinds.get(declared)
        if found is None and declared.startswith(MULTIPART):
            return self._form
        if found is None:
            try:
                found = self.reader.kind(declared)
            except UnsupportedMediaType:  # the app tells it
                return None
            if found.read not in READ:
                return None
            if len(self._kinds) < MANY:
                self._kinds[declared] = found
        return found

    def lets_in(self, headers: Headers) -> bool:
        """Say whether a request may call, by its headers."""
        return self.authorize is None or self.authorize(self.path, headers)

    def encode(self, value: object, headers: Headers) -> Encoded | None:
        """Encode an answer; None leaves that to the app."""
        if self._is_left or isinstance(value, Response):
            return None
        if self._has_choice:
            return self._codec.encoder_for(headers.get(b"accept", b"").decode("latin-1"))(value)
        return self._codec.encode(value)

    def head(self, media_type: str, defaults: list[answer.Header]) -> Head:
        """Give the start of an answer; the server makes a new list each second."""
        if defaults is not self._defaults:
            self._defaults = defaults
            self._heads.clear()
        found = self._heads.get(media_type)
        if found is None:
            found = self._heads[media_type] = self._head(media_type, defaults)
        return found

    def _head(self, media_type: str, defaults: list[answer.Header]) -> Head:
        media = answer.media_header(media_type)
        lines = [*defaults, media]
        if self._has_choice:
            lines.append((b"vary", b"accept"))
        start = b"".join(b"%b: %b\r\n" % line for line in lines)
        gzip_min = self._gzip_min
        is_packed = gzip_min is not None and answer.compressible([media])
        most = gzip_min - 1 if gzip_min is not None and is_packed else float("inf")
        return Head(b"HTTP/1.1 200 OK\r\n" + start + b"content-length: ", media[1], most)


def obstacle(bound: BoundService, mounts: Mounts) -> str | None:
    """Say what forbids to answer an endpoint past the app; None: nothing does."""
    if bound.spec.tracing is not None:
        return "tracing must see every request"
    if bound.spec.monitoring is not None:
        return "monitoring notes the request of each record"
    if bound.middleware:
        name = getattr(bound.middleware[0][0], "__name__", type(bound.middleware[0][0]).__name__)
        return f"the middleware `{name}` must see every request"
    for endpoint in bound.spec.endpoints:
        path = bound.spec.http.path_prefix + endpoint.route
        place = mounts.find(path)
        if place is not None:
            return f"the app that is mounted at {place} covers {path}"
    if not any(fits(endpoint, bound) for endpoint in bound.spec.endpoints):
        return "no endpoint takes plain calls: each streams, takes a context, or is not asked by POST"
    return None


def fits(endpoint: EndpointSpec, bound: BoundService) -> bool:
    """Say whether an endpoint takes plain calls."""
    return (
        "POST" in endpoint.methods
        and not endpoint.stream
        and not endpoint.task
        and bound.signatures[endpoint.name].context is None
        and PLAIN.fullmatch(bound.spec.http.path_prefix + endpoint.route) is not None
    )


def plan(
    bound: BoundService,
    codecs: Mapping[str, Codec],
    tallies: Mapping[str, Tally],
    shared: Shared,
    make: Callable[[EndpointSpec, str, Codec, Tally, Shared], Route],
) -> dict[bytes, Route]:
    """Settle the routes of a service that nothing forbids to have some."""
    found = {}
    for endpoint in bound.spec.endpoints:
        path = bound.spec.http.path_prefix + endpoint.route
        if fits(endpoint, bound):
            found[path.encode()] = make(endpoint, path, codecs[endpoint.name], tallies[path], shared)
    return found
