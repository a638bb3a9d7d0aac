"""Clients of running servers, as BentoML 1.0 to 1.3 have them: over HTTP.

In: an address. Out: an object with a method for each API; the mixed one has each twice, as `name` and `async_name`.
What a service offers is asked of the server, once, when the client is made.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Self

from bentoml.exceptions import BentoMLException
from ekiben.client.aio import AsyncHTTPClient as EkibenAsyncClient
from ekiben.client.sync import Stream
from ekiben.client.sync import SyncHTTPClient as EkibenClient
from ekiben.core.errors import ConfigError
from ekiben.services.checks import number

__all__ = ["AsyncClient", "AsyncHTTPClient", "Client", "HTTPClient", "SyncClient", "SyncHTTPClient"]

END = object()  # behind the last piece of a stream
LATER = "async_"  # before the name of an API, where a client has both


def check_kind(kind: str) -> None:
    """Refuse what is not HTTP; raises ConfigError."""
    if kind == "grpc":
        raise ConfigError('gRPC is not served, so there is no client of it: `kind="grpc"`', hint="leave `kind` out")
    if kind not in ("auto", "http"):
        raise ConfigError(f'`kind` must be "auto" or "http": {kind!r}')


def check_rest(options: Mapping[str, Any], function: str) -> None:
    """Refuse options that nothing here knows; raises ConfigError."""
    for name, value in options.items():
        if value is not None:
            raise ConfigError(f"`{function}` has no option `{name}` here: {value!r}", hint="leave it out")


def address(host: str, port: int) -> str:
    """Give a server's address; one that listens on all is asked at 127.0.0.1."""
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::', '') else host}:{port}"  # noqa: S104 - where others listen


def asked_within(timeout: float | None) -> dict[str, float]:
    """Give the option of one request for its *timeout* in seconds; none by default."""
    return {} if timeout is None else {"timeout": number(timeout, "timeout", "seconds", example=5)}


async def pieces_of(stream: Stream) -> AsyncIterator[Any]:
    """Give the pieces of a stream without waiting on the event loop."""
    try:
        while (piece := await asyncio.to_thread(next, stream, END)) is not END:
            yield piece
    finally:
        stream.close()


class Client:
    """A client with two methods for each API: `name` waits, `async_name` is awaited.

    Args:
        server_url: the server's address.
        timeout: seconds for one call.

    Raises:
        Unavailable: the server cannot be reached.
        NotFound: what runs there is no service.
    """

    def __init__(self, server_url: str, *, timeout: float = 300.0) -> None:
        self.server_url = server_url.rstrip("/")
        self._sync = EkibenClient(self.server_url, timeout=timeout)
        self.endpoints = list(self._sync.endpoints)
        if not self.endpoints:
            raise BentoMLException(f"the service at {self.server_url} has no API")

    @classmethod
    def from_url(cls, server_url: str, *, kind: str = "auto", **options: Any) -> Self:
        """Make a client of a running server.

        Args:
            server_url: its address.
            kind: "auto" or "http"; there is no gRPC.
            options: `timeout`, seconds for one call.
        """
        check_kind(kind)
        return cls(server_url, **options)

    @staticmethod
    def wait_until_server_ready(host: str, port: int, timeout: float = 30.0, **options: Any) -> None:
        """Wait until a server is ready; raises Unavailable after *timeout* seconds, ConfigError for more options."""
        check_rest(options, "wait_until_server_ready")
        with EkibenClient(address(host, port)) as asked:
            asked.wait_until_server_ready(timeout)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give an API as a method."""
        known = self.__dict__.get("endpoints", ())
        if name in known:
            return lambda *args, **kwargs: self.call(name, *args, **kwargs)
        if name.startswith(LATER) and (own := name.removeprefix(LATER)) in known:
            return lambda *args, **kwargs: self.async_call(own, *args, **kwargs)
        raise AttributeError(f"the service has no API `{name}`; there is {', '.join(known)}")

    def call(self, bentoml_api_name: str, *args: Any, **kwargs: Any) -> Any:
        """Call an API: with its one value, or with the fields of its form by their names."""
        return self._sync.call(bentoml_api_name, *args, **kwargs)

    async def async_call(self, bentoml_api_name: str, *args: Any, **kwargs: Any) -> Any:
        """Call an API, as `call` does on a thread; a stream is one for `async for`."""
        found = await asyncio.to_thread(self._sync.call, bentoml_api_name, *args, **kwargs)
        return pieces_of(found) if isinstance(found, Stream) else found

    def health(self, *, timeout: float | None = None, **options: Any) -> Any:
        """Ask the server whether it is ready, and give the answer as httpx has it.

        Args:
            timeout: seconds for the answer; by default the client's own.
            options: there are none more; raises ConfigError.
        """
        check_rest(options, "health")
        return self._sync.request("GET", "/readyz", **asked_within(timeout))

    async def async_health(self, *, timeout: float | None = None, **options: Any) -> Any:
        """Give the same, by the same options."""
        return await asyncio.to_thread(self.health, timeout=timeout, **options)

    def close(self) -> None:
        """Close the connections of sync calls, and remove the files that were received."""
        self._sync.close()

    def __enter__(self) -> Self:
        """Open; connections are made on first use."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server_url!r})"


class HTTPClient(Client):
    """The same, by the name of its transport."""


class SyncClient(Client):
    """A client with a method for each API, which waits for the answer."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give an API as a method."""
        if name.startswith(LATER):
            raise AttributeError(f"`{type(self).__name__}` waits; `AsyncClient` has what is awaited: {name!r}")
        return super().__getattr__(name)


class SyncHTTPClient(SyncClient):
    """The same, by the name of its transport."""


class AsyncClient:
    """A client with a method for each API, which is awaited.

    Args:
        server_url: the server's address.
        endpoints: the names of its APIs.
        client: on the running loop.
    """

    def __init__(self, server_url: str, endpoints: Mapping[str, Any], client: EkibenAsyncClient) -> None:
        self.server_url = server_url
        self.endpoints = list(endpoints)
        self._client = client

    @classmethod
    async def from_url(cls, server_url: str, *, kind: str = "auto", **options: Any) -> Self:
        """Make a client of a running server, on the running loop; as `Client.from_url`."""
        check_kind(kind)
        client = EkibenAsyncClient(server_url.rstrip("/"), timeout=options.pop("timeout", 300.0), **options)
        return cls(client.url, await client.discover(), client)

    @staticmethod
    async def wait_until_server_ready(host: str, port: int, timeout: float = 30.0, **options: Any) -> None:
        """Wait until a server is ready; raises Unavailable after *timeout* seconds, ConfigError for more options."""
        check_rest(options, "wait_until_server_ready")
        async with EkibenAsyncClient(address(host, port)) as asked:
            await asked.wait_until_server_ready(timeout)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give an API as a method."""
        known = self.__dict__.get("endpoints", ())
        if name in known:
            return lambda *args, **kwargs: self.call(name, *args, **kwargs)
        raise AttributeError(f"the service has no API `{name}`; there is {', '.join(known)}")

    async def call(self, bentoml_api_name: str, *args: Any, **kwargs: Any) -> Any:
        """Call an API: with its one value, or with the fields of its form by their names."""
        return await self._client.call(bentoml_api_name, *args, **kwargs)

    async def health(self, *, timeout: float | None = None, **options: Any) -> Any:
        """Ask the server whether it is ready; as `Client.health`."""
        check_rest(options, "health")
        return await self._client.request("GET", "/readyz", **asked_within(timeout))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def __aenter__(self) -> Self:
        """Open; connections are made on first use."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.server_url!r})"


class AsyncHTTPClient(AsyncClient):
    """The same, by the name of its transport."""
