"""Pass a request on to another server of this machine, and its answer back.

In: an ASGI request. Out: what 127.0.0.1 answers at one port; no part of a request can name another place. Both bodies
go through in pieces, and a client that leaves ends the request behind, too.
Source: RFC 9110, 7.6 (what is of one connection is not passed on); httpcore's request extension `target`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote

import httpx

from ekiben.core.errors import BadGateway, DeadlineExceeded, InvalidInput
from ekiben.core.spec import Limits
from ekiben.http.body import ClientLeft, check_length, chunks
from ekiben.http.exchange import KEY, Exchange, Receive, Scope, Send

HOST = "127.0.0.1"
CONNECT_S = 5.0  # to a port of this machine
IDLE_S = 1.0  # that a connection is kept: less than servers do, as one that they close meanwhile costs a request
KEPT = 32  # idle connections
TARGET = re.compile(rb"/[\x21-\x7e]*")  # RFC 9112, 3.2.1: the origin form, and nothing that could end a line

# Of one connection (RFC 9110, 7.6.1), with those that older programs use.
HOPS = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
})  # fmt: skip
# Said by us alone: who the client is, and what has been answered already.
OURS = frozenset({
    b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix",
    b"x-forwarded-proto", b"x-forwarded-server", b"x-real-ip", b"expect",
})  # fmt: skip
SERVERS = frozenset({b"date", b"server"})  # our server says them
BODILESS = (204, 304)

Lines = list[tuple[bytes, bytes]]


class Proxy:
    """The way to one port of this machine.

    Args:
        port: of 127.0.0.1.
        limits: what a request may be, and how long its answer may take.
        prefix: of our routes; the server behind does not see it.
        id_header: bears the request's id.
    """

    def __init__(self, port: int, limits: Limits, prefix: str, id_header: bytes) -> None:
        self._port = port
        self._limits = limits
        self._prefix = prefix
        self._id_header = id_header
        self._timeout = {
            "connect": CONNECT_S, "read": limits.timeout, "write": limits.timeout, "pool": limits.timeout,
        }  # fmt: skip
        self._way: httpx.AsyncHTTPTransport | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            BadGateway: nothing answers, or not as HTTP says.
            DeadlineExceeded: nothing came in time.
            InvalidInput: the request cannot be passed on.
            ClientLeft: the client is gone.
        """
        exchange: Exchange = scope[KEY]
        check_length(exchange.headers, self._limits.max_body)
        body = Body(receive, exchange.headers, self._limits.max_body)
        request = self._request(scope, exchange, body)
        work = asyncio.ensure_future(self._answer(request, body, send))
        left = asyncio.ensure_future(body.wait_for_leave())
        try:
            await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not body.is_answered:
                raise ClientLeft
            await work
        finally:
            for each in (work, left):
                each.cancel()
            await asyncio.gather(work, left, return_exceptions=True)

    async def close(self) -> None:
        """Close idle connections."""
        if self._way is not None:
            await self._way.aclose()
            self._way = None

    def _request(self, scope: Scope, exchange: Exchange, body: "Body") -> httpx.Request:
        """Write the request for the server behind."""
        target = target_of(scope, self._prefix)
        if scope["method"] == "CONNECT":
            raise InvalidInput("a tunnel is not passed on: CONNECT")
        lines = without(scope["headers"], {*HOPS, *OURS, self._id_header, b"content-length"})
        if body.length is not None:
            lines.append((b"content-length", body.length))
        client = scope.get("client")
        lines += [
            (b"x-forwarded-for", (client[0] if client else "unknown").encode("ascii", "replace")),
            (b"x-forwarded-proto", scope.get("scheme", "http").encode()),
            (self._id_header, exchange.request_id.encode()),
        ]
        if b"host" in exchange.headers:
            lines.append((b"x-forwarded-host", exchange.headers[b"host"]))
        if self._prefix:
            lines.append((b"x-forwarded-prefix", self._prefix.encode()))
        try:
            return httpx.Request(
                scope["method"],
                httpx.URL(scheme="http", host=HOST, port=self._port, raw_path=target),
                headers=lines,
                content=None if body.is_empty else body.pieces(),
                extensions={"timeout": self._timeout, "target": target},
            )
        except httpx.InvalidURL as error:
            raise InvalidInput("the address of the request cannot be passed on") from error

    async def _answer(self, request: httpx.Request, body: "Body", send: Send) -> None:
        """Send the request, and its answer to the client as it comes."""
        if self._way is None:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=IDLE_S)
            self._way = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)
        try:
            response = await self._way.handle_async_request(request)
        except httpx.LocalProtocolError as error:
            raise InvalidInput("the request cannot be passed on: a header of it is not as HTTP says") from error
        except httpx.ConnectTimeout as error:
            raise BadGateway("the command behind the service does not answer") from error
        except httpx.TimeoutException as error:
            seconds = self._limits.timeout or 0.0
            raise DeadlineExceeded(f"the command behind the service did not answer in {seconds:g} seconds") from error
        except httpx.TransportError as error:
            raise BadGateway("the command behind the service does not answer") from error
        try:
            status = response.status_code
            more = SERVERS | {b"content-length"} if status in BODILESS else SERVERS
            lines = without([(name.lower(), value) for name, value in response.headers.raw], HOPS | more)
            lines = [line for line in lines if line[0] != self._id_header]  # ours is added
            await send({"type": "http.response.start", "status": status, "headers": lines})
            stream = response.stream
            assert isinstance(stream, httpx.AsyncByteStream)
            async for piece in stream:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            body.is_answered = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await response.aclose()


class Body:
    """The body of a request, in pieces, and whether its client is still there.

    Args:
        receive: of ASGI.
        headers: of the request.
        limit: bytes.
    """

    def __init__(self, receive: Receive, headers: dict[bytes, bytes], limit: int) -> None:
        self.length = None if b"transfer-encoding" in headers else headers.get(b"content-length")
        self.is_empty = b"transfer-encoding" not in headers and int(self.length or b"0") == 0
        self.is_answered = False  # all of the answer has come
        self._receive = receive
        self._limit = limit
        self._is_whole = asyncio.Event()
        if self.is_empty:
            self._is_whole.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the pieces as they come; raises BodyTooLarge and ClientLeft."""
        async for chunk in chunks(self._receive, "", self._limit):
            if chunk:
                yield chunk
        self._is_whole.set()

    async def wait_for_leave(self) -> None:
        """Return when the client left after its body."""
        await self._is_whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass


def target_of(scope: Scope, prefix: str) -> bytes:
    """Write the target of a request as it came, without *prefix*.

    Raises:
        InvalidInput: it is not a path, or could be read as more than one line.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"], safe="/:@!$&'()*+,;=~").encode()
    raw = raw.partition(b"?")[0]
    if prefix:
        if raw.startswith(prefix.encode()):
            raw = raw[len(prefix) :]
        else:  # parts of it are escaped
            raw = quote(scope["path"][len(prefix) :], safe="/:@!$&'()*+,;=~").encode()
    query: bytes = scope.get("query_string", b"")
    target = (raw or b"/") + (b"?" + query if query else b"")
    if TARGET.fullmatch(target) is None:
        raise InvalidInput("the address of a request that is passed on must be a path in ASCII")
    return target


def without(headers: Iterable[tuple[bytes, bytes]], names: Iterable[bytes]) -> Lines:
    """Leave out the headers of one connection: *names*, and what `Connection` names."""
    lines = list(headers)
    gone = set(names)
    for name, value in lines:
        if name == b"connection":
            gone |= {each.strip().lower() for each in value.split(b",")}
    return [line for line in lines if line[0] not in gone]
