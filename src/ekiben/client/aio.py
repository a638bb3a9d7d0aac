"""Call a running service from `async` code.

In: its address. Out: an object with a coroutine for each endpoint.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self, cast

from ekiben.client import answers, base, bodies, pieces, tasks, url
from ekiben.client.sync import PAUSE, probe_in, read_schema
from ekiben.client.web import library, translated, unreachable
from ekiben.core.errors import EkibenError, NotFound

if TYPE_CHECKING:
    import httpx


class AsyncStream:
    """An answer that comes in pieces: an async iterator and a context manager.

    Closing it early closes the connection, and the server ends its generator.
    """

    def __init__(
        self, response: "httpx.Response", reader: pieces.Reader, within: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._response = response
        self._reader = reader
        self._within = within
        self._chunks = response.aiter_bytes()
        self._ready: deque[Any] = deque()
        self._is_over = False
        self._error: EkibenError | None = None  # that comes after what is ready

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        """Wait for a piece; raises what `Stream` does."""
        while not self._ready and not self._is_over:
            await self._read()
        if self._ready:
            return self._ready.popleft()
        error, self._error = self._error, None
        raise StopAsyncIteration if error is None else error

    async def aclose(self) -> None:
        """Close the connection."""
        self._is_over = True
        self._ready.clear()
        await self._response.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def _read(self) -> None:
        """Read a chunk; an error in it is raised after the pieces before it."""
        try:
            with self._within():
                chunk = await anext(self._chunks, None)
            for piece in self._reader.finish() if chunk is None else self._reader.feed(chunk):
                self._ready.append(piece)
        except EkibenError as error:
            self._error, chunk = error, None
        if chunk is None:
            self._is_over = True
            await self._response.aclose()


class Asked(Coroutine[Any, Any, Any]):
    """A call that is awaited; one that streams can also be iterated over as it is."""

    def __init__(self, call: Coroutine[Any, Any, Any]) -> None:
        self._call = call

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._call.__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Give the pieces, and close the stream when the loop is left."""
        async with await self._call as stream:
            async for piece in stream:
                yield piece

    def send(self, value: Any) -> Any:
        """Go on, as a coroutine does."""
        return self._call.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise within, as a coroutine does."""
        return self._call.throw(*error)

    def close(self) -> None:
        """End, as a coroutine does."""
        self._call.close()


class AsyncEndpoint(Protocol):
    """One endpoint, to be called like the method that it stands for, and awaited."""

    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Call the endpoint, and give what its method returned."""

    async def submit(self, *args: Any, **kwargs: Any) -> tasks.AsyncTask:
        """Submit a task, and return at once."""

    async def task(self, task: str) -> tasks.AsyncTask:
        """Give a task that was submitted before, by its id."""


class AsyncHTTPClient:
    """A client that mirrors a service: a coroutine for each of its endpoints.

        async with AsyncHTTPClient("http://localhost:3000") as iris:
            species = await iris.predict(np.array([[5.1, 3.5, 1.4, 0.2]]))

    Everything else is as `SyncHTTPClient` has it. The endpoints are asked of the server by the first call, or by
    `await client.discover()`.

    Args:
        url: the server's address, such as `http://localhost:3000`.
        timeout: seconds for one call; the server is told them, and the time that a call in which this one is made
            has left shortens them. None sets no limit.
        server_ready_timeout: seconds that `async with` and the first call wait until the server is ready;
            None does not wait.
        headers: sent with every request.
        token: who asks, where the server wants to know; it is sent with every request and shown nowhere.
        transport: another httpx transport, such as one that calls an app in this process.

    Raises:
        ConfigError: *url* is no address, or *token* none that can be sent.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float | None = 30.0,
        server_ready_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        self.url = base.checked_url(url)
        self.timeout = timeout
        self._http: httpx.AsyncClient = library().AsyncClient(
            base_url=self.url, timeout=timeout, headers=base.bearing(headers, token), transport=transport
        )
        self._downloads = answers.Downloads()
        self._routes: dict[str, base.Route] | None = None
        self._probe = base.READYZ
        self._ready_timeout = server_ready_timeout

    async def discover(self) -> dict[str, base.Route]:
        """Ask the server, once, what it offers; give it by name.

        Raises:
            Unavailable: the server cannot be reached, or was not ready in time.
            NotFound: what runs there is no service.
        """
        if self._routes is None:
            if self._ready_timeout is not None:
                await self.wait_until_server_ready(self._ready_timeout)
            response = await self.request("GET", "/schema.json", timeout=base.first_patience(self.timeout))
            self._routes = base.read_routes(read_schema(response, self.url))
        return self._routes

    def __getattr__(self, name: str) -> AsyncEndpoint:
        """Give the endpoint *name*; whether there is one shows when it is called."""
        if name.startswith("_"):
            raise AttributeError(name)

        def endpoint(*args: Any, **kwargs: Any) -> Asked:
            return Asked(ask(args, kwargs))

        async def ask(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            return await self.call((await self._find(name)).name, *args, **kwargs)

        if self._routes is not None:
            methods = base.method_names(self._routes, dir(type(self)))
            if name not in methods:
                raise AttributeError(f"the service at {self.url} has no endpoint `{name}`{base.suggest(name, methods)}")
            endpoint.__doc__ = methods[name].doc
            endpoint.__signature__ = base.signature(methods[name])  # type: ignore[attr-defined]  # read by `inspect`
        endpoint.__name__ = endpoint.__qualname__ = name
        for each in (self._submit, self._task):
            setattr(endpoint, each.__name__.lstrip("_"), partial(each, name))
        return cast(AsyncEndpoint, endpoint)

    async def _find(self, name: str) -> base.Route:
        """Find an endpoint by the name of its method; raises NotFound."""
        methods = base.method_names(await self.discover(), dir(type(self)))
        if name not in methods:
            raise NotFound(f"the service at {self.url} has no endpoint `{name}`{base.suggest(name, methods)}")
        return methods[name]

    async def _submit(self, name: str, /, *args: Any, **kwargs: Any) -> tasks.AsyncTask:
        """Submit a task, and return at once; raises what `tasks.submit` does."""
        return await tasks.submit_async(self, await self._find(name), args, kwargs, chunks)

    async def _task(self, name: str, task: str) -> tasks.AsyncTask:
        """Give a task that was submitted before; the server is not asked for it."""
        route = await self._find(name)
        tasks.check(route, self.url)
        return tasks.AsyncTask(self, route, task)

    def __dir__(self) -> list[str]:
        """List the endpoints too, once they were asked for."""
        methods = base.method_names(self._routes or {}, dir(type(self)))
        return sorted({*super().__dir__(), *methods})

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the endpoint *name*; raises what `SyncHTTPClient.call` does."""
        routes = await self.discover()
        route = routes.get(name)
        if route is None:
            raise NotFound(f"the service at {self.url} has no endpoint `{name}`{base.suggest(name, routes)}")
        patience = base.patience(self.timeout)
        with ExitStack() as opened:
            place, query, rest = url.split(route, base.bind(route, args, kwargs))
            body = await asyncio.to_thread(bodies.write, route, rest, opened)
            accept = pieces.ACCEPT if route.is_stream else answers.accept(route)
            keywords = {"url": place, "params": query or None, **bodies.keywords(body, accept, chunks)}
            if route.is_stream:
                return await self._begin(route, keywords, patience)
            keywords["headers"] |= base.patience_header(patience) | base.passed_on()
            return await self._exchange(route, keywords)

    async def _begin(self, route: base.Route, keywords: dict[str, Any], patience: float | None) -> "AsyncStream":
        """Send a request whose answer comes in pieces; raises what comes in their place."""
        keywords["headers"] |= base.stream_header() | base.passed_on()
        request = self._http.build_request(route.method, timeout=patience, **keywords)
        async with AsyncExitStack() as undo:
            undo.enter_context(translated(self.url, patience))
            response = await self._http.send(request, stream=True)
            undo.push_async_callback(response.aclose)
            head = answers.Head(response.status_code, response.headers)
            if head.status >= 400:
                raise answers.error_of(head, await response.aread())
            undo.pop_all()
        return AsyncStream(response, pieces.Reader(route, head), lambda: translated(self.url, patience))

    async def request(self, method: str, path: str, **options: Any) -> "httpx.Response":
        """Send any request to the server, with the options of httpx.

        Raises:
            Unavailable: the server cannot be reached.
            DeadlineExceeded: the answer did not come in time.
        """
        with translated(self.url, base.seconds_of(options, self.timeout)):
            return await self._http.request(method, path, **options)

    async def _exchange(self, route: base.Route, keywords: Mapping[str, Any]) -> Any:
        """Send a request, and read its answer as *route* says; a file is kept."""
        patience = base.patience(self.timeout)
        request = self._http.build_request(route.method, timeout=patience, **{"url": route.path, **keywords})
        async with self._sent(request, patience) as response:
            head = answers.Head(response.status_code, response.headers)
            if not answers.is_file(route, head):
                return answers.read(route, head, await response.aread())
            with self._downloads.new(head.filename, head.media) as (path, file):
                async for piece in response.aiter_bytes():
                    await asyncio.to_thread(file.write, piece)
            return path

    async def is_ready(self, timeout: float = 5.0) -> bool:
        """Ask whether the server is ready, as `SyncHTTPClient.is_ready` does."""
        try:
            response = await self._http.get(self._probe, timeout=timeout)
            if response.status_code == 404 and self._probe == base.READYZ:
                self._probe = probe_in(await self._http.get("/schema.json", timeout=timeout))
                response = await self._http.get(self._probe, timeout=timeout)
        except library().TransportError:
            return False
        return response.status_code == 200

    async def wait_until_server_ready(self, timeout: float = 30.0) -> None:
        """Wait until the server is ready; raises Unavailable after *timeout* seconds."""
        end = time.monotonic() + timeout
        while not await self.is_ready(timeout=max(PAUSE, min(5.0, end - time.monotonic()))):
            if time.monotonic() > end:
                raise unreachable(self.url, f"it was not ready within {timeout:g} seconds")
            await asyncio.sleep(PAUSE)

    @asynccontextmanager
    async def _sent(self, request: "httpx.Request", patience: float | None) -> "AsyncIterator[httpx.Response]":
        with translated(self.url, patience):
            response = await self._http.send(request, stream=True)
            try:
                yield response
            finally:
                await response.aclose()

    async def close(self) -> None:
        """Close the connections, and remove the files that were received."""
        await self._http.aclose()
        self._downloads.close()

    async def __aenter__(self) -> Self:
        """Wait for the server, where `server_ready_timeout` says so."""
        if self._ready_timeout is not None:
            await self.discover()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


async def chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    """Read a file piece by piece, off the event loop."""
    while piece := await asyncio.to_thread(file.read, bodies.CHUNK):
        yield piece
