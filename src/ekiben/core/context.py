"""Hold what belongs to the running call: request, headers, scratch folder.

In: the parts that a transport knows. Out: a `Context` that a user's method may ask for by a
parameter named `ctx` or `context`, or by the annotation `Context`.
"""

import asyncio
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Literal

log = logging.getLogger("ekiben")

OWNER = "EKIBEN_CALLS_OF"  # who starts a process names it by this, to find the folders that it leaves when it is killed


def prefix(owner: str | None = None) -> str:
    """Give how the names of calls' folders begin, in a process that is called *owner*."""
    return f"ekiben-call-{os.environ.get(OWNER, '') if owner is None else owner}-"


def remove_folders(owner: str) -> None:
    """Remove the folders of calls that a dead process left behind.

    Args:
        owner: what the process was called; nobody else may have been called so.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix(owner)}*"):
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Cookie:
    """One `Set-Cookie` line (RFC 6265)."""

    key: str
    value: str
    max_age: int | None = None  # seconds
    expires: int | None = None  # seconds from now
    path: str = "/"
    domain: str | None = None
    secure: bool = False
    httponly: bool = False
    samesite: Literal["lax", "strict", "none"] = "lax"


class Background:
    """Functions that run after the answer was sent, one after the other.

    Plain ones run on a thread. What one raises is logged, and keeps none of the others from running.
    """

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: list[Callable[[], Any]] = []

    def add_task(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        """Call *function* with these arguments, once the answer was sent."""
        self._tasks.append(partial(function, *args, **kwargs))

    def __len__(self) -> int:
        return len(self._tasks)

    async def run(self) -> None:
        """Run them."""
        for task in self._tasks:
            try:
                is_async = iscoroutinefunction(task) or iscoroutinefunction(getattr(task.func, "__call__", None))  # type: ignore[attr-defined]  # noqa: B004 - `__call__` itself is looked at
                await (task() if is_async else asyncio.to_thread(task))
            except Exception:
                log.exception("a background task failed")


_finishing: set[asyncio.Task[None]] = set()  # kept from being collected while they run


class ResponseHeaders(dict[str, str]):
    """The headers of an answer."""

    def append(self, name: str, value: str) -> None:
        """Add a value, behind those that the header has (RFC 9110, 5.3).

        Raises:
            ValueError: the header is a second `set-cookie`, the one that cannot be joined.
        """
        if name in self and name.lower() == "set-cookie":
            raise ValueError("two cookies cannot be joined into one header: call `ctx.response.set_cookie`")
        self[name] = f"{self[name]}, {value}" if name in self else value


@dataclass(slots=True)
class ResponseContext:
    """What the answer will carry beside the method's return value."""

    status_code: int = 200
    headers: ResponseHeaders = field(default_factory=ResponseHeaders)
    cookies: list[Cookie] = field(default_factory=list)
    _background: Background | None = field(default=None, repr=False)

    @property
    def background(self) -> Background:
        """What runs after the answer was sent; a function may be set in its place."""
        if self._background is None:
            self._background = Background()
        return self._background

    @background.setter
    def background(self, task: Callable[[], Any] | None) -> None:
        self._background = None
        if task is not None:
            self.background.add_task(task)

    @property
    def metadata(self) -> ResponseHeaders:
        """The headers, by their older name."""
        return self.headers

    def set_cookie(self, key: str, value: str = "", **options: Any) -> None:
        """Add a cookie; *options* are the fields of `Cookie`."""
        self.cookies.append(Cookie(key, value, **options))


@dataclass(slots=True)
class Context:
    """The running call.

    `request` is a `starlette.requests.Request` where the call came by HTTP, otherwise None.
    `state` is one mapping a worker, shared by all of its calls.
    `deadline` is when the answer must be there, of time.monotonic; None where nothing limits it.
    """

    request: Any = None
    response: ResponseContext = field(default_factory=ResponseContext)
    state: MutableMapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    deadline: float | None = None
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)
    _cleanup: list[Callable[[], None]] = field(default_factory=list, repr=False)
    _report: Callable[[float, str], None] | None = field(default=None, repr=False)

    def progress(self, fraction: float, words: str = "") -> None:
        """Say how far a task is, for whoever asks; outside of a task nobody asks.

        Args:
            fraction: of the work that is done, from 0.0 to 1.0.
            words: what it is at, of at most 1000 letters.

        Raises:
            ValueError: *fraction* is no such number.
        """
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"`fraction` must be a number from 0.0 to 1.0: {fraction!r}")
        if self._report is not None:
            self._report(float(fraction), str(words)[:1000])

    @property
    def temp_dir(self) -> str:
        """A folder that is made on first use and removed after the answer was sent."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix=prefix(), ignore_cleanup_errors=True)
        return self._folder.name

    @property
    def temp_path(self) -> Path:
        """The same folder as a `Path`."""
        return Path(self.temp_dir)

    def remaining(self) -> float | None:
        """Say how many seconds are left for the answer, at least 0; None: no limit."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def on_close(self, action: Callable[[], None]) -> None:
        """Call *action* once the answer was sent."""
        self._cleanup.append(action)

    def close(self) -> None:
        """Run what waits for the end of the call, and remove the folder."""
        background = self.response._background
        if background is None or not len(background):
            self._close()
            return
        try:
            task = asyncio.get_running_loop().create_task(self._finish(background))
        except RuntimeError:  # no event loop: a task's own process
            asyncio.run(self._finish(background))
            return
        _finishing.add(task)
        task.add_done_callback(_finishing.discard)

    async def _finish(self, background: Background) -> None:
        try:
            await background.run()
        finally:
            self._close()

    def _close(self) -> None:
        while self._cleanup:
            self._cleanup.pop()()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
