"""Reach a service that runs elsewhere.

In: its address. Out: a client with a method for each of its endpoints.
The table names clients without importing them: most services call no other server, and an HTTP client takes longer
to import than the rest of a start.
"""

import importlib
import os
from typing import Any, Protocol
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError

CLIENTS = {
    "http": ("ekiben.client.sync", "SyncHTTPClient"),
    "https": ("ekiben.client.sync", "SyncHTTPClient"),
}  # by the scheme of the address


class Remote(Protocol):
    """What the engine asks of a client, beside the methods of the service."""

    def is_ready(self) -> bool:
        """Say whether the service takes calls."""

    def close(self) -> None:
        """Close the connections."""


def connect(url: str, token: str | None = None) -> Any:
    """Make a `Remote` for *url*; nothing is sent before the first call.

    Args:
        url: its address.
        token: what it asks for, or `$NAME` of the variable that holds that.

    Raises:
        ConfigError: there is no client for its scheme, or no such variable.
    """
    scheme = urlsplit(url).scheme
    if scheme not in CLIENTS:
        raise ConfigError(f"`url` must begin with http:// or https://: {url!r}")
    module, name = CLIENTS[scheme]
    client = getattr(importlib.import_module(module), name)
    return client(url) if token is None else client(url, token=told(token, url))


def told(token: str, url: str) -> str:
    """Give a token, or what its variable holds; raises ConfigError if not set."""
    if not token.startswith("$"):
        return token
    found = os.environ.get(token[1:], "").strip()
    if not found:
        raise ConfigError(f"the variable `{token[1:]}` must hold the token for {url}: it is not set", hint="set it")
    return found
