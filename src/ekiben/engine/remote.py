"""Reach a service that runs elsewhere.

In: its address. Out: clients of it, whose `handle` has its methods.
The table names what makes it without importing it: most services call no other server, and an HTTP client takes longer
to import than the rest of a start.
"""

import importlib
import os
from typing import Any, Protocol
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService

CLIENTS = {
    "http": ("ekiben.engine.afar", "Clients"),
    "https": ("ekiben.engine.afar", "Clients"),
}  # by the scheme of the address


class Remote(Protocol):
    """What the engine asks of whatever reaches a service."""

    handle: Any  # what has its methods

    def is_ready(self) -> bool:
        """Say whether the service takes calls."""

    def guard(self) -> None:
        """Refuse from now on to wait on an event loop: the instance is there."""

    async def leave(self) -> None:
        """Close the connections of the running event loop."""

    def close(self) -> None:
        """Close the other connections."""


def connect(url: str, token: str | None = None, bound: BoundService | None = None) -> Remote:
    """Make a `Remote` for *url*; nothing is sent before the first call.

    Args:
        url: its address.
        token: what it asks for, or `$NAME` of the variable that holds that.
        bound: the service, where its class is here too.

    Raises:
        ConfigError: there is no client for its scheme, or no such variable.
    """
    scheme = urlsplit(url).scheme
    if scheme not in CLIENTS:
        raise ConfigError(f"`url` must begin with http:// or https://: {url!r}")
    module, name = CLIENTS[scheme]
    made: Remote = getattr(importlib.import_module(module), name)(
        url, None if token is None else told(token, url), bound
    )
    return made


def told(token: str, url: str) -> str:
    """Give a token, or what its variable holds; raises ConfigError if not set."""
    if not token.startswith("$"):
        return token
    found = os.environ.get(token[1:], "").strip()
    if not found:
        raise ConfigError(f"the variable `{token[1:]}` must hold the token for {url}: it is not set", hint="set it")
    return found
