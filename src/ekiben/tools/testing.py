"""Call a service in a test without a socket.

In: a service class, a stored model, or a target. Out: a client of the whole server: routes, decoding, batching,
errors and pages are those of `ekiben serve`, and only the network is left out. Start-up and shut-down hooks run. Tasks
run in a process of their own, as there, and are kept in a folder that ends with the client.
Source: the ASGI specification 3.0, lifespan protocol.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from ekiben.client.aio import AsyncHTTPClient
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.errors import ServiceLoadError
from ekiben.http.app import App
from ekiben.http.stall import app_of
from ekiben.services.load import load
from ekiben.tools.asgi import address, own_error
from ekiben.tools.transport import AsyncTransport, PlainTransport

T = TypeVar("T")

ADDRESS = "http://localhost"


@contextmanager
def client(
    target: Any,
    *,
    service: str | None = None,
    timeout: float = 30.0,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
) -> Iterator[SyncHTTPClient]:
    """Serve *target* without a socket, and give a client of it.

        def test_predict():
            with ekiben.testing.client(Iris) as iris:
                assert iris.predict([[5.1, 3.5, 1.4, 0.2]]) == [0]

    Args:
        target: a service class, a stored model, or text that names one; several, as a list or a dict of them by name.
        service: the name of the one that the client is of, where there are several.
        timeout: seconds for one call.
        headers: sent with every request.
        token: who asks, where the service has `auth`.

    Raises:
        ServiceLoadError: *target* is nothing that can be served.
        Exception: whatever the service's own start-up raised.
    """
    with TemporaryDirectory(prefix="ekiben-tasks-") as folder, looping() as loop:
        bound = load(target)
        url, app = address(ADDRESS, bound, service), app_of(bound, tasks_folder=Path(folder))
        alive = lived(app)
        loop.run(alive.__aenter__())
        try:
            with SyncHTTPClient(
                url, timeout=timeout, headers=headers, token=token, transport=PlainTransport(app, loop)
            ) as found:
                yield found
        finally:
            loop.run(alive.__aexit__(None, None, None))


@asynccontextmanager
async def async_client(
    target: Any,
    *,
    service: str | None = None,
    timeout: float = 30.0,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
) -> AsyncIterator[AsyncHTTPClient]:
    """Serve *target* on the running loop, without a socket; give a client of it.

        async def test_predict():
            async with ekiben.testing.async_client(Iris) as iris:
                assert await iris.predict([[5.1, 3.5, 1.4, 0.2]]) == [0]

    Arguments and errors are those of `client`.
    """
    with TemporaryDirectory(prefix="ekiben-tasks-") as folder:
        bound = load(target)
        url, app = address(ADDRESS, bound, service), app_of(bound, tasks_folder=Path(folder))
        transport = AsyncTransport(app)
        async with (
            lived(app),
            AsyncHTTPClient(url, timeout=timeout, headers=headers, token=token, transport=transport) as found,
        ):
            yield found


@asynccontextmanager
async def lived(app: App) -> AsyncIterator[None]:
    """Start *app*, and stop it after the block; raises what these raised."""
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    started = asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            started.set()

    life = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, inbox.get, send))
    inbox.put_nowait({"type": "lifespan.startup"})
    waiting = asyncio.ensure_future(started.wait())
    await asyncio.wait({life, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if not started.is_set():
        waiting.cancel()
        failure = life.exception()
        raise own_error(failure) if failure else ServiceLoadError("the service ended before it was ready")
    try:
        yield
    finally:
        inbox.put_nowait({"type": "lifespan.shutdown"})
        await life


class LoopThread:
    """An event loop in a thread of its own, on which plain code runs coroutines."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ekiben-testing", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def looping() -> Iterator[LoopThread]:
    """Run an event loop beside the block."""
    loop = LoopThread()
    try:
        yield loop
    finally:
        loop.close()
