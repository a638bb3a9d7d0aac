"""Be one of several equal processes that the supervisor gives connections to.

In: a service, one's place (`engine/leash`). Out: nothing, once the supervisor ended us.
When another takes our place we get no more connections; those that are open are asked, with their next answer, to
close, and so no call is lost on its way.
Source: RFC 9112 section 9.6, `Connection: close`.
"""

import asyncio
import contextlib
import logging
import socket
from typing import Any

from ekiben.core.spec import BoundService
from ekiben.engine.control import Message
from ekiben.engine.leash import Leash
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.passing import ROLE, Taker
from ekiben.engine.swap import TRIAL
from ekiben.http.listen import Listen
from ekiben.http.scrape import Scrape
from ekiben.http.server import Server
from ekiben.http.trial import try_out

log = logging.getLogger("ekiben")

PATIENCE = 2.0  # seconds for the supervisor to tell what all workers counted
LOOK = 0.05  # seconds between looks at whether the last connection has closed, while we leave


class Replica(Server):
    """A server that listens on no socket of its own.

    Args:
        bound: the service.
        listen: how it is listened for.
        leash: our end of the control socket.
    """

    def __init__(self, bound: BoundService, listen: Listen, leash: Leash) -> None:
        super().__init__(bound, listen, self._begun)
        self._leash = leash
        self._trial: float | None = leash.place.notes.get(TRIAL)
        self._trying: asyncio.Task[None] | None = None
        self._taker: Taker | None = None
        self._opening: set[asyncio.Task[None]] = set()
        self._leaving: asyncio.Task[None] | None = None
        self._is_stuck = False
        self._scrape = Scrape(self.app.counts, lambda: leash.ask("metrics", PATIENCE))
        for each in (self.app, *self.app.apps):
            each.counts.everywhere = self._scrape.render

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start without listening, then take connections."""
        await super().startup([])
        self._leash.attach({"figures": self._tell}, self._hear)
        end = socket.socket(fileno=self._leash.place.sockets[ROLE][0])
        self._taker = Taker(end, self._take)
        if self._trial is None:
            self._leash.say("taking")

    async def on_tick(self, counter: int) -> bool:
        """Ask to be replaced when a call holds its model thread for too long."""
        for each in self.app.apps:
            after = each.bound.spec.limits.kill_after
            if after is not None and not self._is_stuck:
                self._look(each.dispatcher, after)
        return await super().on_tick(counter)

    def _look(self, dispatcher: Any, after: float) -> None:
        call = dispatcher.stuck(after) if isinstance(dispatcher, LocalDispatcher) else None
        if call is not None:
            self._is_stuck = True
            self._say_figures()  # there may be no time for that later
            words = f"a call of `{call.endpoint}` went on {after:g} seconds beyond its time"
            self._leash.say("stuck", words=words)

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop as any server does; what was sent to us is answered first."""
        for task in (self._leaving, self._trying):
            if task is not None:
                task.cancel()
        if self._taker is not None:
            self._taker.close()
        if self._opening:
            await asyncio.wait(self._opening, timeout=1.0)
        await super().shutdown(None)
        self._say_figures()

    def _begun(self) -> None:
        if self._trial is None:
            self._leash.ready()
        else:
            self._trying = asyncio.get_running_loop().create_task(self._try_out(self._trial))

    async def _try_out(self, patience: float) -> None:
        """Take calls if each service stands its trial; leave if one does not."""
        try:
            for each in self.app.apps:
                assert isinstance(each.dispatcher, LocalDispatcher)
                await try_out(each.dispatcher, each.bound.hooks, patience)
        except Exception as error:  # noqa: BLE001 - a border; whoever started us is told
            self.fail(error)
            return
        self._leash.say("taking")
        self._leash.ready()

    def _say_figures(self) -> None:
        try:
            self._leash.say("figures", **self._scrape.tell())
        except Exception:  # a border: metrics that the user's code collects
            log.exception("the figures of this worker are not told")

    async def _tell(self, message: Message) -> Message:
        return self._scrape.tell()

    def _hear(self, message: Message) -> None:
        if message["say"] == "retire" and self._leaving is None:
            self._leaving = asyncio.get_running_loop().create_task(self._leave(float(message["seconds"])))

    async def _leave(self, seconds: float) -> None:
        """Serve the connections that are open until they close, then end."""
        closing = (b"connection", b"close")
        self.config.encoded_headers.append(closing)  # uvicorn makes the defaults of these each second
        self.server_state.default_headers = [*self.server_state.default_headers, closing]
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end and (self._opening or self.server_state.connections):
            await asyncio.sleep(LOOK)
        self.should_exit = True

    def _take(self, connection: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._open(connection))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        """Serve a connection that was accepted elsewhere."""
        connection.setblocking(False)
        config, state = self.config, self.lifespan.state

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn itself calls it
                config=config, server_state=self.server_state, app_state=state
            )
            return made

        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(protocol, connection, ssl=config.ssl)
        except OSError as error:  # the client left, or TLS was not agreed on
            log.debug("a connection was not opened: %s", error)
            with contextlib.suppress(OSError):
                connection.close()


def run(bound: BoundService, listen: Listen, leash: Leash) -> None:
    """Serve until told to stop; raises what kept the service from starting."""
    replica = Replica(bound, listen, leash)
    replica.run(sockets=[])
    if replica.failure is not None:
        raise replica.failure
