"""Find who answers a request, by its path and method.

In: handlers, once at start. Out: on each request one look into a dict; what is not there is refused with words.
Source: RFC 9110, 9.3.2 (HEAD), 9.3.7 (OPTIONS), 15.5.5 (404), 15.5.6 (405, `Allow`).
"""

import difflib
from collections.abc import Iterable
from itertools import chain

from ekiben.core.errors import HeadersTooLarge, MethodNotAllowed, NotFound
from ekiben.core.spec import Limits
from ekiben.http import answer
from ekiben.http.answer import Answer
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import Exchange, Receive, Scope, Send


class Table:
    """The routes of one app."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._routes: dict[str, dict[str, Handler]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._routes

    def add(self, path: str, methods: Iterable[str], handler: Handler) -> None:
        """Let *handler* answer *path*; HEAD works where GET does."""
        found = self._routes.setdefault(path, {})
        for method in methods:
            found[method] = handler
        if "GET" in found:
            found.setdefault("HEAD", found["GET"])

    def find(self, scope: Scope) -> Handler | None:
        """Give the handler of a request; None where nothing stands at its path.

        Raises:
            HeadersTooLarge: it has too many headers, or too long ones.
            MethodNotAllowed: the path does not take its method.
        """
        headers, limits = scope["headers"], self._limits
        if len(headers) > limits.max_headers:
            raise HeadersTooLarge(f"a request must have at most {limits.max_headers} headers: {len(headers)}")
        size = sum(map(len, chain.from_iterable(headers)))
        if size > limits.max_header_size:
            raise HeadersTooLarge(f"the headers must be at most {limits.max_header_size} bytes together: {size}")
        found = self._routes.get(scope["path"])
        if found is None:
            return self._options if scope["method"] == "OPTIONS" and scope["path"] == "*" else None
        handler = found.get(scope["method"])
        if handler is None:
            if scope["method"] == "OPTIONS":
                return self._options
            raise MethodNotAllowed(
                f"{shown(scope['path'])} does not take {scope['method']}", hint="use " + " or ".join(found)
            )
        return handler

    def allowed(self, path: str) -> str:
        """Give the value of `allow` for a path; `*` is the server as a whole."""
        known = self._routes.get(path, ())
        methods = {method for each in self._routes.values() for method in each} if path == "*" else known
        return ", ".join([*sorted(methods), "OPTIONS"])

    async def _options(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        """Say what a path takes."""
        headers = [(b"allow", self.allowed(scope["path"]).encode())]
        await answer.send(Answer(204, headers=headers), send, gzip_min=None)

    def nothing(self, path: str) -> NotFound:
        """Say that nothing stands at *path*, and what is near."""
        near = difflib.get_close_matches(path[:200], self._routes, 3)
        return NotFound(
            f"there is nothing at {shown(path)}", hint=f"did you mean {' or '.join(near)}?" if near else None
        )


def shown(path: str) -> str:
    """Give a path for a message, cut and without what is not printable."""
    cut = path if len(path) <= 200 else path[:199] + "…"
    return cut if cut.isprintable() else repr(cut)
