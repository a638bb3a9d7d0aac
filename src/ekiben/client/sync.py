"""Call a running service from plain code.

In: its address. Out: an object with a method for each endpoint.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Self

from ekiben.client import answers, base, bodies, pieces, tasks, url
from ekiben.client.web import library, translated, unreachable
from ekiben.core.errors import EkibenError, NotAuthenticated, NotFound, Unavailable

if TYPE_CHECKING:
    import httpx

PAUSE = 0.1  # seconds between two questions whether the server is ready


class Endpoint:
    """One endpoint, to be called like the method that it stands for."""

    def __init__(self, client: "SyncHTTPClient", route: base.Route) -> None:
        self._client, self._route = client, route
        self.__name__ = self.__qualname__ = route.name
        self.__doc__ = route.doc or f"Call {route.path}."
        self.__signature__ = base.signature(route)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the endpoint, and give what its method returned."""
        return self._client.call(self._route.name, *args, **kwargs)

    def submit(self, *args: Any, **kwargs: Any) -> tasks.Task:
        """Submit a task, and return at once; raises what `tasks.submit` does."""
        return tasks.submit(self._client, self._route, args, kwargs)

    def task(self, task: str) -> tasks.Task:
        """Give a task that was submitted before, by its id; the server is not asked."""
        tasks.check(self._route, self._client.url)
        return tasks.Task(self._client, self._route, task)

    def __repr__(self) -> str:
        return f"<endpoint {self._route.name}{self.__signature__} of {self._client.url}>"


class Stream:
    """An answer that comes in pieces: an iterator of them, and a context manager.

    Ending the loop early and closing it, or the `with` block around it, closes the connection, and the server ends its
    generator.
    """

    def __init__(
        self, response: "httpx.Response", reader: pieces.Reader, within: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._response = response
        self._reader = reader
        self._within = within
        self._chunks = response.iter_bytes()
        self._ready: deque[Any] = deque()
        self._is_over = False
        self._error: EkibenError | None = None  # that comes after what is ready

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        """Wait for a piece.

        Raises:
            Unavailable: the answer broke off.
            DeadlineExceeded: no piece came in time, or the stream was not over in time.
            EkibenError: what the server said in place of the next piece.
        """
        while not self._ready and not self._is_over:
            self._read()
        if self._ready:
            return self._ready.popleft()
        error, self._error = self._error, None
        raise StopIteration if error is None else error

    def close(self) -> None:
        """Close the connection."""
        self._is_over = True
        self._ready.clear()
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __del__(self) -> None:
        if not self._is_over:
            self.close()

    def _read(self) -> None:
        """Read a chunk; an error in it is raised after the pieces before it."""
        try:
            with self._within():
                chunk = next(self._chunks, None)
            for piece in self._reader.finish() if chunk is None else self._reader.feed(chunk):
                self._ready.append(piece)
        except EkibenError as error:
            self._error, chunk = error, None
        if chunk is None:
            self._is_over = True
            self._response.close()


class SyncHTTPClient:
    """A client that mirrors a service: a method for each of its endpoints.

        with SyncHTTPClient("http://localhost:3000") as iris:
            species = iris.predict(np.array([[5.1, 3.5, 1.4, 0.2]]))

    An endpoint whose name the client itself has, such as `close`, is `api_close`. Files may be given as a path, bytes,
    an open binary file or a PIL image; they come back as a `Path`, which lasts as long as the client.

    Args:
        url: the server's address, such as `http://localhost:3000`.
        timeout: seconds for one call; the server is told them, and the time that a call in which this one is made
            has left shortens them. None sets no limit.
        server_ready_timeout: seconds to wait, at once, until the server is ready; None does not wait.
        headers: sent with every request.
        token: who asks, where the server wants to know; it is sent with every request and shown nowhere.
        transport: another httpx transport, such as one that calls an app in this process.

    Raises:
        ConfigError: *url* is no address, or *token* none that can be sent.
        Unavailable: the server was not ready in time.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float | None = 30.0,
        server_ready_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        self.url = base.checked_url(url)
        self.timeout = timeout
        self._http: httpx.Client = library().Client(
            base_url=self.url, timeout=timeout, headers=base.bearing(headers, token), transport=transport
        )
        self._downloads = answers.Downloads()
        self._routes: dict[str, base.Route] | None = None
        self._probe = base.READYZ
        if server_ready_timeout is not None:
            self.wait_until_server_ready(server_ready_timeout)

    @property
    def endpoints(self) -> dict[str, base.Route]:
        """What the service offers, by name; asked of the server on first use.

        Raises:
            Unavailable: the server cannot be reached.
            NotFound: what runs there is no service.
        """
        if self._routes is None:
            response = self.request("GET", "/schema.json", timeout=base.first_patience(self.timeout))
            self._routes = base.read_routes(read_schema(response, self.url))
        return self._routes

    def __getattr__(self, name: str) -> Endpoint:
        """Give the endpoint *name* as a method."""
        if name.startswith("_"):
            raise AttributeError(name)
        methods = base.method_names(self.endpoints, dir(type(self)))
        if name not in methods:
            raise AttributeError(f"the service at {self.url} has no endpoint `{name}`{base.suggest(name, methods)}")
        return Endpoint(self, methods[name])

    def __dir__(self) -> list[str]:
        """List the endpoints too, where the server can be asked."""
        try:
            methods = base.method_names(self.endpoints, dir(type(self)))
        except (Unavailable, NotFound, NotAuthenticated):
            methods = {}
        return sorted({*super().__dir__(), *methods})

    def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call the endpoint *name*; one that streams gives a `Stream`, an iterator.

        Raises:
            NotFound: the service has no such endpoint.
            TypeError: the arguments are not those of the endpoint.
            InvalidInput: a value is wrong; `problems` names every place.
            Unavailable: the server cannot be reached, or takes no calls now.
            DeadlineExceeded: the answer did not come in time.
            ServerError: the service failed.
        """
        route = self.endpoints.get(name)
        if route is None:
            raise NotFound(f"the service at {self.url} has no endpoint `{name}`{base.suggest(name, self.endpoints)}")
        patience = base.patience(self.timeout)
        with ExitStack() as opened:
            place, query, rest = url.split(route, base.bind(route, args, kwargs))
            body = bodies.write(route, rest, opened)
            accept = pieces.ACCEPT if route.is_stream else answers.accept(route)
            keywords = {"url": place, "params": query or None, **bodies.keywords(body, accept, bodies.chunks)}
            if route.is_stream:
                return self._begin(route, keywords, patience)
            keywords["headers"] |= base.patience_header(patience) | base.passed_on()
            return self._exchange(route, keywords)

    def _begin(self, route: base.Route, keywords: dict[str, Any], patience: float | None) -> "Stream":
        """Send a request whose answer comes in pieces; raises what comes in their place."""
        keywords["headers"] |= base.stream_header() | base.passed_on()
        request = self._http.build_request(route.method, timeout=patience, **keywords)
        with ExitStack() as undo:
            undo.enter_context(translated(self.url, patience))
            response = self._http.send(request, stream=True)
            undo.callback(response.close)
            head = answers.Head(response.status_code, response.headers)
            if head.status >= 400:
                raise answers.error_of(head, response.read())
            undo.pop_all()
        return Stream(response, pieces.Reader(route, head), lambda: translated(self.url, patience))

    def request(self, method: str, path: str, **options: Any) -> "httpx.Response":
        """Send any request to the server, with the options of httpx.

        Raises:
            Unavailable: the server cannot be reached.
            DeadlineExceeded: the answer did not come in time.
        """
        with translated(self.url, base.seconds_of(options, self.timeout)):
            return self._http.request(method, path, **options)

    def _exchange(self, route: base.Route, keywords: Mapping[str, Any]) -> Any:
        """Send a request, and read its answer as *route* says; a file is kept."""
        patience = base.patience(self.timeout)
        request = self._http.build_request(route.method, timeout=patience, **{"url": route.path, **keywords})
        with self._sent(request, patience) as response:
            head = answers.Head(response.status_code, response.headers)
            if not answers.is_file(route, head):
                return answers.read(route, head, response.read())
            with self._downloads.new(head.filename, head.media) as (path, file):
                for piece in response.iter_bytes():
                    file.write(piece)
            return path

    def is_ready(self, timeout: float = 5.0) -> bool:
        """Ask `/readyz`, or the probe that the service has in its place.

        A server that cannot be reached in *timeout* s is not ready.
        """
        try:
            response = self._http.get(self._probe, timeout=timeout)
            if response.status_code == 404 and self._probe == base.READYZ:
                self._probe = probe_in(self._http.get("/schema.json", timeout=timeout))
                response = self._http.get(self._probe, timeout=timeout)
        except library().TransportError:
            return False
        return response.status_code == 200

    def wait_until_server_ready(self, timeout: float = 30.0) -> None:
        """Wait until the server is ready; raises Unavailable after *timeout* seconds."""
        end = time.monotonic() + timeout
        while not self.is_ready(timeout=max(PAUSE, min(5.0, end - time.monotonic()))):
            if time.monotonic() > end:
                raise unreachable(self.url, f"it was not ready within {timeout:g} seconds")
            time.sleep(PAUSE)

    @contextmanager
    def _sent(self, request: "httpx.Request", patience: float | None) -> "Iterator[httpx.Response]":
        with translated(self.url, patience):
            response = self._http.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()

    def close(self) -> None:
        """Close the connections, and remove the files that were received."""
        self._http.close()
        self._downloads.close()

    def __enter__(self) -> Self:
        """Open; connections are made on first use."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


def probe_in(response: "httpx.Response") -> str:
    """Find in the answer to `/schema.json` where readiness is told."""
    try:
        return base.read_probe(response.json())
    except ValueError:  # it is no JSON, so no service
        return base.READYZ


def read_schema(response: "httpx.Response", url: str) -> Any:
    """Read `/schema.json`; raises NotFound where something else is served."""
    head = answers.Head(response.status_code, response.headers)
    if response.status_code == 404:
        hint = answers.error_of(head, response.content).hint  # of a server of several services
        raise NotFound(f"what runs at {url} is no service: it has no /schema.json", hint=hint)
    return answers.read(SCHEMA, head, response.content)


SCHEMA = base.Route("schema.json", "/schema.json", "GET", "", (), False, {}, base.Kind(), {})
