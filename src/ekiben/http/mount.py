"""Serve the user's own ASGI apps below their paths, from start to stop.

In: the mounts of a service. Out: the app of a path, and a life that begins and ends with the server's.
Source: the ASGI specification (`root_path`, the lifespan protocol); an app without lifespan is let be.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.spec import MountSpec
from ekiben.http.exchange import AsgiApp, Message, Scope

log = logging.getLogger("ekiben")


PATIENCE = 5.0  # seconds that an app may take to end after it said that it stopped


class Life:
    """The start and stop of one mounted app."""

    def __init__(self, app: AsgiApp, patience: float = PATIENCE) -> None:
        self._app = app
        self._patience = patience
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}
        self.failure: Exception | None = None  # what the app raised in place of an answer, or after one

    async def start(self) -> None:
        """Start the app; raises ConfigError where it says that it cannot."""
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer["type"] == "lifespan.startup.failed":
            raise ConfigError(f"a mounted app could not start: {answer.get('message') or 'it does not say why'}")

    async def stop(self) -> None:
        """Stop the app, where it has a life."""
        if self._task is None:
            return
        if not self._task.done():
            answer = await self._ask("lifespan.shutdown")
            if answer["type"] == "lifespan.shutdown.failed":
                log.error("a mounted app could not stop cleanly: %s", answer.get("message", ""))
        await asyncio.wait([self._task], timeout=self._patience)
        if self._task.cancel():
            await asyncio.wait([self._task])

    @property
    def ended(self) -> bool:
        """Whether nothing of the app runs any more."""
        return self._task is None or self._task.done()

    async def _ask(self, kind: str) -> Message:
        await self._to_app.put({"type": kind})
        return await self._answers.get()

    async def _run(self) -> None:
        scope: Scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._to_app.get, self._answers.put)
        except Exception as error:  # noqa: BLE001 - the user's app; one without lifespan raises at its first message
            self.failure = error
            log.debug("a mounted app has no lifespan: %r", error)
        await self._answers.put({"type": "lifespan.none"})


class Mounts:
    """The mounted apps of one service, the longest path first."""

    def __init__(self, mounts: Sequence[MountSpec], prefix: str) -> None:
        found = [(prefix + mount.path.rstrip("/"), mount.app, Life(mount.app)) for mount in mounts]
        self._mounts = sorted(found, key=lambda one: len(one[0]), reverse=True)

    def __bool__(self) -> bool:
        return bool(self._mounts)

    @property
    def paths(self) -> list[str]:
        """Where the apps stand."""
        return [path or "/" for path, _, _ in self._mounts]

    def find(self, path: str) -> str | None:
        """Give the mount that *path* falls under, as in `paths`."""
        for place, _, _ in self._mounts:
            if path == place or path.startswith(place + "/"):
                return place or "/"
        return None

    def app(self, place: str, scope: Scope) -> tuple[AsgiApp, Scope]:
        """Give the app that stands at *place*, and the scope that it sees."""
        path, app, life = next(one for one in self._mounts if (one[0] or "/") == place)
        inner = {**scope, "root_path": scope.get("root_path", "") + path}
        if life.state:
            inner["state"] = {**scope.get("state", {}), **life.state}
        return app, inner

    async def start(self) -> None:
        """Start every app."""
        for _, _, life in self._mounts:
            await life.start()

    async def stop(self) -> None:
        """Stop every app, the last one first."""
        for _, _, life in reversed(self._mounts):
            await life.stop()
