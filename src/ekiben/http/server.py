"""Serve on open sockets with uvicorn until told to stop.

In: a bound service, how to listen, open sockets. Out: nothing, once every call that ran has its answer.
At a signal readiness says 503 first; then calls that run may end within `drain` seconds, while new ones are told to go
elsewhere; then the sockets close. A second Ctrl-C leaves at once.
"""

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from ekiben.core.errors import ConfigError, Unavailable
from ekiben.core.spec import BoundService, named
from ekiben.engine.local import Needs
from ekiben.http import errors
from ekiben.http.apart import Remote
from ekiben.http.app import App
from ekiben.http.fast import LANES, Route
from ekiben.http.listen import Listen, Listening
from ekiben.http.protocol import drain, give_up, protocol, sweep
from ekiben.http.scrape import gathered
from ekiben.http.stall import app_of
from ekiben.http.tls import load, tls_options

log = logging.getLogger("ekiben")

TICK = 0.02  # seconds between looks at whether calls still run, while stopping
TICKS = 10  # of uvicorn's, between looks at all connections: a second
GRACE = 2  # seconds for what is left after `drain`; then it is cancelled


class Server(uvicorn.Server):
    """A uvicorn server of one service, which stops when the service cannot start.

    Args:
        bound: the service.
        listen: how to listen.
        on_ready: is called once the service takes calls.
        remote: runs the service in other processes; None runs it in this one.
        needs: what has to run before the service does: those that it calls.
    """

    def __init__(
        self,
        bound: BoundService,
        listen: Listen,
        on_ready: Callable[[], None] = lambda: None,
        remote: Remote | None = None,
        needs: Needs | None = None,
    ) -> None:
        proxied = listen.proxy_headers
        self.app = app_of(bound, on_failure=self.fail, on_ready=on_ready, proxied=proxied, remote=remote, needs=needs)
        if (behind := needs if remote is None else remote.needs) is not None:
            scrape = gathered(self.app.counts, behind.measure)
            for each in (self.app, *self.app.apps):
                each.counts.everywhere = scrape.render
        routes = routes_of(self.app, listen.lane)
        self._roll = None if remote is None else remote.roll
        self.failure: BaseException | None = None
        self._drain = listen.drain
        spec = bound.spec
        self._protocol = protocol(spec.limits, errors.plan(spec.style), routes)
        config = uvicorn.Config(
            self.app,
            http=self._protocol,
            ws="websockets-sansio",
            lifespan="on",
            backlog=spec.http.backlog,
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            headers=[("server", named(spec.style.server_header, spec.name))],
            proxy_headers=listen.proxy_headers,
            forwarded_allow_ips=listen.forwarded_allow_ips,
            timeout_keep_alive=listen.keep_alive,  # type: ignore[arg-type] # fractions are fine for its timer
            timeout_graceful_shutdown=GRACE,
            **tls_options(listen.tls or spec.http.tls),
        )
        load(config)
        super().__init__(config)

    def fail(self, error: BaseException) -> None:
        """Note why the service cannot start, and leave."""
        self.failure = error
        self.should_exit = True

    @property
    def is_ready(self) -> bool:
        """Whether calls are answered."""
        return self.app.is_ready

    async def on_tick(self, counter: int) -> bool:
        """Look after idle connections too; uvicorn calls this ten times a second."""
        if counter % TICKS == 0:
            sweep(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: Any = None) -> None:
        """Stop: not ready, then calls end, then the sockets close."""
        self.app.begin_drain()
        self._protocol.draining = True
        drain(self.server_state.connections)
        end = asyncio.get_running_loop().time() + self._drain
        while self.app.inside and not self.force_exit and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(TICK)
        # What runs in the fast lane has no task that uvicorn could cancel at the end of the grace.
        late = Unavailable("the server stopped before the answer was there")
        timer = asyncio.get_running_loop().call_later(GRACE, give_up, self.server_state.connections, late)
        await super().shutdown(sockets)
        timer.cancel()

    def reload(self) -> None:
        """Have workers replaced by fresh ones; say so where there are none."""
        if self._roll is not None:
            self._roll()
            return
        log.warning("SIGHUP reloads nothing here: the service is in this very process; serve it with --layout replicas")

    def _hear_hang_up(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the server with it
            asyncio.get_running_loop().call_soon_threadsafe(self.reload)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and do not raise them again: a clean stop exits 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        hang_up = getattr(signal, "SIGHUP", None)
        if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:  # as nohup sets it
            before[hang_up] = signal.signal(hang_up, self._hear_hang_up)
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def routes_of(app: App, lane: str | None) -> dict[bytes, Route]:
    """Choose what the protocol answers itself.

    Raises:
        ConfigError: the fast lane was asked for, and something forbids it.
    """
    if lane not in (None, *LANES):
        raise ConfigError(f"`lane` must be {' or '.join(LANES)}: {lane!r}")
    found: dict[bytes, Route] = {}
    for one in app.apps:
        place = one.bound.spec.http.place
        if lane == "fast" and one.obstacle is not None:
            why = f"{one.obstacle} at {place}" if place else one.obstacle
            raise ConfigError(
                f"`lane` must be asgi, because {why}: 'fast'", hint="leave `--lane` out, or take the reason away"
            )
        if lane is None and one.obstacle is not None and one.bound.spec.endpoints:
            log.info("every request%s goes through the ASGI app: %s", f" to {place}" if place else "", one.obstacle)
        found |= one.routes
    return {} if lane == "asgi" else found


def run(
    bound: BoundService,
    listen: Listen,
    listening: Listening,
    on_ready: Callable[[], None] = lambda: None,
    remote: Remote | None = None,
    needs: Needs | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; raises what kept the service from starting."""
    server = Server(bound, listen, on_ready, remote, needs)
    try:
        server.run(sockets=listening.sockets)
    finally:
        listening.close()
    if server.failure is not None:
        raise server.failure
