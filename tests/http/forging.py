"""Services whose answers try to say more than they may: in an endpoint, a mounted app, middleware, a WebSocket."""

from typing import Any

from starlette.responses import Response, StreamingResponse

import ekiben

FORGED = "a\r\nset-cookie: forged=1\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n"
HEADS: dict[str, tuple[int, list[tuple[bytes, bytes]]]] = {
    "a line break": (200, [(b"content-type", b"text/plain"), (b"x-a", FORGED.encode()), (b"content-length", b"4")]),
    "a line feed": (200, [(b"x-a", b"a\nset-cookie: forged=1"), (b"content-length", b"4")]),
    "a return": (200, [(b"x-a", b"a\rset-cookie: forged=1"), (b"content-length", b"4")]),
    "a NUL": (200, [(b"x-a", b"a\0b"), (b"content-length", b"4")]),
    "a delete": (200, [(b"x-a", b"a\x7fb"), (b"content-length", b"4")]),
    "a line break in a usual header": (200, [(b"content-type", b"text/plain\r\nset-cookie: forged=1")]),
    "a line break in a name": (200, [(b"x-a: 1\r\nset-cookie", b"forged=1"), (b"content-length", b"4")]),
    "a name that is no token": (200, [(b"x a", b"forged"), (b"content-length", b"4")]),
    "no name": (200, [(b"", b"forged"), (b"content-length", b"4")]),
    "two lengths": (200, [(b"content-length", b"4"), (b"Content-Length", b"0")]),
    "an interim status": (103, [(b"content-length", b"4")]),
    "a switch of protocols": (101, [(b"upgrade", b"forged"), (b"content-length", b"4")]),
    "a status beyond all": (600, [(b"content-length", b"4")]),
    "text for bytes": (200, [("x-a", "forged")]),  # type: ignore[list-item]
}


def made(how: str) -> Response:
    """Make a response with a head of our own."""
    response = Response(b"body")
    response.status_code, response.raw_headers = HEADS[how][0], list(HEADS[how][1])
    return response


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the head that the query names; a WebSocket is let in, or kept out, with forged headers."""
    how = scope.get("query_string", b"").decode().replace("%20", " ")
    if scope["type"] == "http" and how == "chunked":
        headers = [(b"transfer-encoding", b"chunked"), (b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"body"})
    elif scope["type"] == "http":
        status, headers = HEADS[how]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"body"})
    elif scope["type"] == "websocket":
        await receive()
        headers = [(b"x-a", FORGED.encode())]
        if how == "accept":
            await send({"type": "websocket.accept", "headers": headers})
        elif how == "subprotocol":
            await send({"type": "websocket.accept", "subprotocol": FORGED})
        else:
            await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": b"no"})


class Forging:
    """Middleware that adds a header to every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-a", FORGED.encode())]
            await send(message)

        await self.app(scope, receive, adding)


@ekiben.asgi_app(mounted, path="/own")
@ekiben.service
class Forger:
    """Gives responses of its own."""

    @ekiben.api
    def forge(self, how: str) -> Any:
        """Give a response with an odd head."""
        return made(how)

    @ekiben.api
    def forge_more(self, how: str, ctx: ekiben.Context) -> Any:
        """Give one with a header of the context beside it."""
        ctx.response.headers["x-beside"] = "1"
        return made(how)

    @ekiben.api
    def echo(self, value: str) -> Any:
        """Give back what a client sent, in a header."""
        return Response(b"body", headers={"content-type": "text/plain", "x-a": value})

    @ekiben.api
    def trickle(self, value: str) -> Any:
        """Do so in an answer that comes in pieces."""
        return StreamingResponse(iter(["bo", "dy"]), headers={"x-a": value})

    @ekiben.api
    def fine(self) -> str:
        """Give a plain answer."""
        return "fine"


@ekiben.asgi_middleware(Forging)
@ekiben.service
class Surrounded:
    """Has middleware that forges."""

    @ekiben.api
    def fine(self) -> str:
        """Give a plain answer."""
        return "fine"
