"""Clients of running servers, as BentoML 1.2 to 1.4 have them.

In: an address. Out: an object with a method for each endpoint, which gives arrays and tables as JSON has them: plain
lists and objects; `numpy.asarray` makes an array again. A new client waits until its server is ready.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from ekiben.client.aio import AsyncHTTPClient as EkibenAsyncClient
from ekiben.client.base import FIRST, Route
from ekiben.client.sync import SyncHTTPClient as EkibenClient

__all__ = ["AsyncHTTPClient", "SyncHTTPClient"]

KEPT = ("event", "file", "image")  # what is no JSON


def in_plain_values(routes: Mapping[str, Route]) -> dict[str, Route]:
    """Give *routes* whose answers are read without NumPy and pandas."""
    return {
        name: route if route.answer.name in KEPT else replace(route, output={}, definitions={})
        for name, route in routes.items()
    }


def seconds_to_wait(told: float | None, timeout: float | None) -> float | None:
    """Give the seconds that a new client waits: those *told*, or else those of a call; none for 0.

    Where calls have no limit it waits 30 s.
    """
    seconds = next((each for each in (told, timeout) if each is not None), FIRST)
    return seconds if seconds > 0 else None


class SyncHTTPClient(EkibenClient):
    """A client that mirrors a service: a method for each of its endpoints.

    Arrays and tables come as lists and objects, files as a `Path`, images as PIL's, streams as iterators.

    Args:
        url: the server's address.
        token: who asks, where the server wants to know.
        timeout: seconds for one call; None sets no limit.
        server_ready_timeout: seconds to wait, at once, until the server is ready: *timeout* unless it is told, and 0
            does not wait.
        options: those of Ekiben's client: `headers`, `transport`.

    Raises:
        ConfigError: *url* is no address, or *token* none that can be sent.
        Unavailable: the server was not ready in time.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float | None = 30.0,
        server_ready_timeout: float | None = None,
        **options: Any,
    ) -> None:
        wait = seconds_to_wait(server_ready_timeout, timeout)
        super().__init__(url, token=token, timeout=timeout, server_ready_timeout=wait, **options)

    @cached_property
    def endpoints(self) -> dict[str, Route]:
        """What the service offers, by name; raises Unavailable, and NotFound where there is no service."""
        return in_plain_values(super().endpoints)


class AsyncHTTPClient(EkibenAsyncClient):
    """The same for `async` code; it waits for the server at its first call."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float | None = 30.0,
        server_ready_timeout: float | None = None,
        **options: Any,
    ) -> None:
        wait = seconds_to_wait(server_ready_timeout, timeout)
        super().__init__(url, token=token, timeout=timeout, server_ready_timeout=wait, **options)
        self._plain: dict[str, Route] | None = None

    async def discover(self) -> dict[str, Route]:
        """Ask the server, once, what it offers; raises what `SyncHTTPClient.endpoints` does."""
        if self._plain is None:
            self._plain = in_plain_values(await super().discover())
        return self._plain
