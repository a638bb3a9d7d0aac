"""Put the command of a service behind its endpoints.

In: a service whose spec names a command. Out: the same service with an app mounted at `/`, which passes requests on to
the command, and the command's life. As a mounted app covers every route, there is no fast lane beside it.
"""

import inspect
import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ekiben.core.command import COMMAND, read_words
from ekiben.core.errors import Unavailable
from ekiben.core.spec import BoundService, MountSpec, ServiceSpec
from ekiben.engine.command import Command
from ekiben.engine.local import LocalDispatcher
from ekiben.http.exchange import Receive, Scope, Send

if TYPE_CHECKING:
    from ekiben.http.proxy import Proxy

log = logging.getLogger("ekiben")


class Behind:
    """The command behind one service, and the app that leads to it."""

    def __init__(self, spec: ServiceSpec, words: tuple[str, ...], port: int) -> None:
        self._words = words
        self._port = port
        self._folder = Path.cwd()
        proxy = import_module("ekiben.http.proxy")  # with httpx, which no other server has to load
        id_header = spec.style.request_id_header.lower().encode()
        self._proxy: Proxy = proxy.Proxy(port, spec.limits, spec.http.path_prefix, id_header)
        self._dispatcher: LocalDispatcher | None = None
        self._command: Command | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the command runs, and its port has answered."""
        return self._command is not None and self._command.is_ready

    def mounted(self, bound: BoundService) -> BoundService:
        """Give the service with the way to the command at `/`."""
        self._folder = folder_of(bound)
        return replace(bound, mounts=(*bound.mounts, MountSpec(self, "/", "command")))

    async def start(self, dispatcher: LocalDispatcher, on_failure: Callable[[BaseException], None] | None) -> None:
        """Start the command.

        Raises what `Command.start` does, and ConfigError for what `__command__` gave.
        """
        self._dispatcher = dispatcher
        words = self._words or await ask(dispatcher)
        log.info("the command `%s` answers what the service does not, on port %d", words[0], self._port)
        self._command = Command(words, self._port, self._folder)
        await self._command.start(on_failure)

    async def stop(self) -> None:
        """End the command, and close what leads to it."""
        if self._command is not None:
            await self._command.stop()
        await self._proxy.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on; a WebSocket is refused, and there is no life of its own."""
        if scope["type"] == "lifespan":
            return
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "no WebSockets are passed on to a command"})
            return
        if self._dispatcher is None or not self.is_ready:
            raise Unavailable("the command behind the service is starting", retry_after=1)
        self._dispatcher.admission.enter()
        try:
            await self._proxy(scope, receive, send)
        finally:
            self._dispatcher.admission.leave()


async def ask(dispatcher: LocalDispatcher) -> tuple[str, ...]:
    """Ask the instance for the words; raises ConfigError where they are none."""
    assert dispatcher.instance is not None
    target: Any = dispatcher.instance.target
    method = getattr(target, COMMAND)
    found = await method() if inspect.iscoroutinefunction(method) else await dispatcher.in_thread(method)
    return read_words([] if found is None else found, f"{type(target).__name__}.{COMMAND}")


def of(spec: ServiceSpec) -> Behind | None:
    """Make what stands behind a service; None where that is nothing."""
    return None if spec.command is None else Behind(spec, spec.command.words, spec.command.port)


def folder_of(bound: BoundService) -> Path:
    """Give the folder that a service is imported from, in which its command runs."""
    name = (bound.origin or "").partition(":")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return Path.cwd()
    place = Path(file).resolve()
    place = place.parent if place.stem == "__init__" else place
    return place.parents[name.count(".")]
