"""Refuse a page of another origin that calls from somebody's browser.

In: what a browser says of a request. Out: nothing, or Forbidden. Programs other than browsers say none of it and pass.
A model that is served on localhost can be reached by every page that its user opens; so such a page needs leave (CORS).
Against DNS rebinding, a connection to the loopback address must bear a loopback name, unless a proxy is declared.
Source: the rules of Go's net/http CrossOriginProtection; Fetch Metadata (W3C); the Fetch standard, `Origin`.
"""

import inspect
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.middleware.cors import CORSMiddleware

from ekiben.core.errors import Forbidden
from ekiben.core.spec import CorsSpec
from ekiben.http.exchange import Scope

SAME = (b"same-origin", b"none")
HINT = "let it in by `http.cors` with `access_control_allow_origins`"


class Guard:
    """The rule of one app.

    Args:
        cors: origins that may call.
        proxied: a reverse proxy stands before the server, so that `Host` may name anything.
        middleware: the user's own, with its options: an origin that a CORSMiddleware of theirs lets in may call, too.
    """

    def __init__(
        self, cors: CorsSpec | None, *, proxied: bool, middleware: Sequence[tuple[Any, Mapping[str, Any]]] = ()
    ) -> None:
        own = [options for each, options in middleware if inspect.isclass(each) and issubclass(each, CORSMiddleware)]
        origins = [
            *(() if cors is None else cors.origins),
            *(one for each in own for one in each.get("allow_origins", ())),
        ]
        patterns = [None if cors is None else cors.origin_regex, *(each.get("allow_origin_regex") for each in own)]
        self._origins = frozenset(origins)
        self._patterns = [re.compile(each) for each in patterns if each is not None]
        self._proxied = proxied

    def check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Pass or refuse (Forbidden) a request with `Origin` or `Sec-Fetch-Site`."""
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and self.allows(origin):
            return
        site = headers.get(b"sec-fetch-site")
        if site in SAME:
            return
        host = headers.get(b"host", b"").decode("latin-1")
        if site is not None or host_of(origin) != host.lower():
            raise Forbidden(f"a page of another origin must not call this service: {origin or site!r}", hint=HINT)
        if not self._proxied and is_loopback(server_of(scope)) and not is_local_name(host):
            raise Forbidden(
                f"a page must call this service by a local name: {host!r}",
                hint="use localhost; behind a reverse proxy serve with --proxy-headers",
            )

    def allows(self, origin: str) -> bool:
        """Say whether CORS lets *origin* in."""
        if "*" in self._origins or origin in self._origins:
            return True
        return any(pattern.fullmatch(origin) for pattern in self._patterns)


def host_of(origin: str) -> str:
    """Give the host and port of an origin; empty for `null` and for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def server_of(scope: Scope) -> str:
    """Give the address that the connection came to."""
    server = scope.get("server")
    return str(server[0]) if server else ""


def is_loopback(address: str) -> bool:
    """Say whether *address* is one of the machine itself."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def is_local_name(host: str) -> bool:
    """Say whether a `Host` names the machine itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or is_loopback(name)
