"""What a service has in place of one that runs elsewhere, at an address.

In: its address; and the service, where its class is here too. Out: an object with its methods, as `SyncHTTPClient` has
them, or sync and async as the class has them; `to_async` has all of them as coroutines, `to_sync` all as plain methods.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ekiben.client.aio import Asked, AsyncHTTPClient
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.spec import BoundService
from ekiben.engine.near import Faces
from ekiben.engine.readers import result_reader


@dataclass(frozen=True, slots=True)
class Known:
    """What the class says of a method."""

    name: str  # that the clients have it by
    is_async: bool
    read: Callable[[Any], Any]  # makes an answer what the hint says


def known_of(bound: BoundService) -> dict[str, Known]:
    """List the methods of a service by their names in the class."""
    found = {}
    for each in bound.spec.endpoints:
        signature = bound.signatures[each.name]
        name = f"api_{each.name}" if hasattr(SyncHTTPClient, each.name) else each.name
        read = unchanged if each.stream else result_reader(signature)
        found[bound.methods.get(each.name, each.name)] = Known(name, signature.is_async, read)
    return found


def unchanged(value: Any) -> Any:
    """Give the value as it is."""
    return value


class Clients:
    """Clients of a service at an address: one for plain code, one for each event loop.

    A call has the time that the running call has left, and no limit of its own.

    Args:
        url: its address.
        token: what it asks for.
        bound: the service, where its class is here too.
    """

    def __init__(self, url: str, token: str | None = None, bound: BoundService | None = None) -> None:
        self.plain = SyncHTTPClient(url, timeout=None, token=token)
        self.handle = Afar(self, {} if bound is None else known_of(bound))
        self._token = token
        self._of_loops: dict[asyncio.AbstractEventLoop, AsyncHTTPClient] = {}
        self._is_guarded = False

    def guard(self) -> None:
        """Refuse from now on, the instance being there, to wait on an event loop."""
        self._is_guarded = True

    def wait(self, name: str) -> Any:
        """Give a method that waits, to be used now; raises RuntimeError on an event loop."""
        if self._is_guarded and is_on_loop():
            raise RuntimeError(
                f"`{name}` at {self.plain.url} cannot be waited for on the event loop, which nothing else could use"
                f" meanwhile: write `await self.….to_async.{name}(…)`"
            )
        return getattr(self.plain, name)

    def later(self, name: str) -> Any:
        """Give a method that is awaited, of the client of the running loop."""
        loop = asyncio.get_running_loop()
        client = self._of_loops.get(loop)
        if client is None:
            for gone in [each for each in list(self._of_loops) if each.is_closed()]:  # nobody can leave those any more
                self._of_loops.pop(gone, None)
            client = self._of_loops[loop] = AsyncHTTPClient(self.plain.url, timeout=None, token=self._token)
        return getattr(client, name)

    def is_ready(self) -> bool:
        """Say whether the service takes calls."""
        return self.plain.is_ready()

    async def leave(self) -> None:
        """Close the connections of the running loop."""
        client = self._of_loops.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def close(self) -> None:
        """Close the other connections."""
        self.plain.close()


class Afar:
    """The methods of a service at an address.

    Args:
        clients: by which it is asked.
        known: what its class says, by the names of the methods; empty where the class is not here.
    """

    def __init__(self, clients: Clients, known: dict[str, Known]) -> None:
        self._clients = clients
        self._known = known
        self.to_async = Faces(self._find, lambda method: Later(clients, method))
        self.to_sync = Faces(self._find, self._plain)

    def __getattr__(self, name: str) -> Any:
        """Give a method, as the class has it; or what the plain client has itself."""
        if name.startswith("_"):
            raise AttributeError(name)
        plain = self._clients.plain
        if name not in self._known and (hasattr(SyncHTTPClient, name) or name in vars(plain)):
            return getattr(plain, name)
        method = self._find(name)
        return Later(self._clients, method) if method.is_async else self._plain(method)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the endpoint that is the other's own call, where its class says which."""
        if "__call__" not in self._known:
            raise TypeError(f"{self!r} is not known to have a call of its own: name the endpoint")
        method = self._known["__call__"]
        return (Later(self._clients, method) if method.is_async else self._plain(method))(*args, **kwargs)

    def _find(self, name: str) -> Known:
        return self._known.get(name) or Known(name, is_async=False, read=unchanged)

    def _plain(self, method: Known) -> Any:
        if not self._known and not is_on_loop():
            return getattr(self._clients.plain, method.name)  # which says at once whether there is one
        return Waiting(self._clients, method)

    def __repr__(self) -> str:
        return f"<the service at {self._clients.plain.url}>"


class Waiting:
    """A method that waits for its answer."""

    def __init__(self, clients: Clients, known: Known) -> None:
        self._clients, self._known = clients, known

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; raises what it raised there."""
        return self._known.read(self._clients.wait(self._known.name)(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        """Give what the client's own method has, such as `submit`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._clients.wait(self._known.name), name)


class Later:
    """A method that is awaited; one that streams can be iterated over by `async for`."""

    def __init__(self, clients: Clients, known: Known) -> None:
        self._clients, self._known = clients, known

    def __call__(self, *args: Any, **kwargs: Any) -> Asked:
        """Call it; raises what it raised there."""
        return Asked(self._ask(args, kwargs))

    async def _ask(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._known.read(await self._clients.later(self._known.name)(*args, **kwargs))

    async def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Submit a task, and return at once."""
        return await self._clients.later(self._known.name).submit(*args, **kwargs)

    async def task(self, task: str) -> Any:
        """Give a task that was submitted before, by its id."""
        return await self._clients.later(self._known.name).task(task)


def is_on_loop() -> bool:
    """Say whether this very code runs on an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
