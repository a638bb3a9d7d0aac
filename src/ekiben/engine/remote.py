"""Reach a service that runs elsewhere.

In: its address. Out: a client with a method for each of its endpoints.
The table names clients without importing them: most services call no other server, and an HTTP client takes longer
to import than the rest of a start.
"""

import importlib
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


def connect(url: str) -> Any:
    """Make a `Remote` for *url*; nothing is sent before the first call.

    Raises:
        ConfigError: there is no client for its scheme.
    """
    scheme = urlsplit(url).scheme
    if scheme not in CLIENTS:
        raise ConfigError(f"`url` must begin with http:// or https://: {url!r}")
    module, name = CLIENTS[scheme]
    return getattr(importlib.import_module(module), name)(url)
