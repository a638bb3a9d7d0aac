"""Find who answers a request, by its path and method.

In: handlers, once at start. Out: on each request one look into a dict, and only then at paths with parameters; what
is not there is refused with words.
Source: RFC 9110, 9.3.2 (HEAD), 9.3.7 (OPTIONS), 15.5.5 (404), 15.5.6 (405, `Allow`).
"""

import difflib
from collections.abc import Iterable, Sequence
from itertools import chain
from urllib.parse import quote, unquote_to_bytes

from ekiben.core.errors import HeadersTooLarge, InvalidInput, MethodNotAllowed, NotFound
from ekiben.core.spec import Limits
from ekiben.http import answer
from ekiben.http.answer import Answer
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import Exchange, Receive, Scope, Send
from ekiben.http.url import VALUES
from ekiben.schema.places import SEGMENT, names_in


class Table:
    """The routes of one app."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._routes: dict[str, dict[str, Handler]] = {}
        self._templates: list[Template] = []
        self.beside: set[str] = set()  # methods of routes that others in this server answer

    def __contains__(self, path: str) -> bool:
        return path in self._routes

    def add(self, path: str, methods: Iterable[str], handler: Handler) -> None:
        """Let *handler* answer *path*; HEAD works where GET does.

        A segment of it in braces, as in `/items/{item_id}`, stands for any one segment.
        """
        found = self._template(path) if names_in(path) else self._routes.setdefault(path, {})
        for method in methods:
            found[method] = handler
        if "GET" in found:
            found.setdefault("HEAD", found["GET"])

    def find(self, scope: Scope) -> Handler | None:
        """Give the handler of a request; None where nothing stands at its path.

        Raises:
            HeadersTooLarge: it has too many headers, or too long ones.
            MethodNotAllowed: the path does not take its method.
            InvalidInput: a segment of the path is not UTF-8.
        """
        headers, limits = scope["headers"], self._limits
        if len(headers) > limits.max_headers:
            raise HeadersTooLarge(f"a request must have at most {limits.max_headers} headers: {len(headers)}")
        size = sum(map(len, chain.from_iterable(headers)))
        if size > limits.max_header_size:
            raise HeadersTooLarge(f"the headers must be at most {limits.max_header_size} bytes together: {size}")
        found = self._routes.get(scope["path"])
        if found is None and self._templates:
            found = self._fit(scope)
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

    def allowed(self, scope: Scope) -> str:
        """Give the value of `allow` for a request; path `*` is the server as a whole."""
        path = scope["path"]
        template = None if path in self._routes else self._match(scope)
        known = self._routes.get(path, ()) if template is None else template.handlers
        every = [*self._routes.values(), *(each.handlers for each in self._templates)]
        methods = {method for each in (*every, self.beside) for method in each} if path == "*" else known
        return ", ".join([*sorted(methods), "OPTIONS"])

    async def _options(self, scope: Scope, receive: Receive, send: Send, exchange: Exchange) -> None:
        """Say what a path takes."""
        headers = [(b"allow", self.allowed(scope).encode())]
        await answer.send(Answer(204, headers=headers), send, gzip_min=None)

    def route_of(self, scope: Scope) -> str | None:
        """Give the route with parameters that a request falls under, if it does."""
        template = self._match(scope)
        return None if template is None else template.path

    def _template(self, path: str) -> dict[str, Handler]:
        """Give the handlers of a path with parameters."""
        for known in self._templates:
            if known.path == path:
                return known.handlers
        self._templates.append(Template(path))
        return self._templates[-1].handlers

    def _match(self, scope: Scope) -> "Template | None":
        """Find the template of a request; of several, one that takes its method."""
        if not self._templates:
            return None
        segments, method = segments_of(scope), scope["method"]
        fitting = [template for template in self._templates if template.fits(segments)]
        return next((one for one in fitting if method in one.handlers), fitting[0] if fitting else None)

    def _fit(self, scope: Scope) -> "dict[str, Handler] | None":
        """Find a template; note in the scope what stands in place of its names."""
        template = self._match(scope)
        if template is None:
            return None
        scope[VALUES] = template.values(segments_of(scope))
        return template.handlers

    def nothing(self, path: str) -> NotFound:
        """Say that nothing stands at *path*, and what is near."""
        near = difflib.get_close_matches(path[:200], self._routes, 3)
        return NotFound(
            f"there is nothing at {shown(path)}", hint=f"did you mean {' or '.join(near)}?" if near else None
        )


class Template:
    """A path with parameters."""

    __slots__ = ("_names", "_shape", "handlers", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.handlers: dict[str, Handler] = {}
        self._names = names_in(path)
        self._shape = [None if SEGMENT.fullmatch(part) else part.encode() for part in path.split("/")]

    def fits(self, segments: Sequence[bytes]) -> bool:
        """Say whether a request's segments are of this path; a parameter is never empty."""
        return len(segments) == len(self._shape) and all(
            bool(given) if part is None else unquote_to_bytes(given) == part
            for given, part in zip(segments, self._shape, strict=True)
        )

    def values(self, segments: Sequence[bytes]) -> dict[str, str]:
        """Give what stands in place of each name; raises InvalidInput."""
        found = [given for given, part in zip(segments, self._shape, strict=True) if part is None]
        try:
            return {name: unquote_to_bytes(given).decode() for name, given in zip(self._names, found, strict=True)}
        except UnicodeDecodeError as error:
            raise InvalidInput("the path must be UTF-8, percent-encoded") from error


def segments_of(scope: Scope) -> list[bytes]:
    """Give the segments of a path as sent: an encoded slash divides nothing."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.split(b"/")


def shown(path: str) -> str:
    """Give a path for a message, cut and without what is not printable."""
    cut = path if len(path) <= 200 else path[:199] + "…"
    return cut if cut.isprintable() else repr(cut)
