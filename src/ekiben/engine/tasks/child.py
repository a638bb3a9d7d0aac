"""Be the process that runs tasks, one after the other, with one instance.

In: frames on an inherited socket. Out: frames: how far a task is, and its answer. Methods run in the main thread, so
that a signal can end them: SIGINT raises KeyboardInterrupt in a sync method and cancels an async one. A process whose
server is gone ends at once.
Source: prctl(2), PR_SET_PDEATHSIG, for a method that never lets Python's other threads run.
"""

import asyncio
import ctypes
import inspect
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from ekiben.core.context import Context
from ekiben.core.deadline import within
from ekiben.core.errors import EkibenError
from ekiben.core.spec import BoundService
from ekiben.core.trace import explain
from ekiben.engine import environment
from ekiben.engine import instance as instances
from ekiben.engine.messages import Call
from ekiben.engine.tasks import frames
from ekiben.engine.tasks.frames import Frame

log = logging.getLogger("ekiben")

T = TypeVar("T")

OFTEN = 0.05  # seconds between two words on how far a task is
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Done:
    """An answer, as a front encoded it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | None  # None: it was written to the place that the frame names
    error: str | None = None


class Front(Protocol):
    """What turns requests into calls and values into answers; a transport has one."""

    async def read(self, endpoint: str, head: Mapping[str, Any], body: bytes, context: Context) -> Call:
        """Decode a request."""

    async def write(self, call: Call, value: Any, place: str) -> Done:
        """Encode what the method gave; what is large goes to *place*."""

    def fail(self, call: Call | None, error: BaseException, task: str) -> Done:
        """Say what went wrong."""


class Child:
    """This process.

    Args:
        sock: the server's socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._inbox: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._sending = threading.Lock()
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None  # of the async method that runs
        self._is_inside = False  # of a method of the user's
        self._is_interrupted = False
        self._is_busy = False
        self._told = 0.0
        self._progress: tuple[float | None, str] = (None, "")

    def listen(self) -> Frame | None:
        """Take the server's signals and frames from now on; give the first frame."""
        signal.signal(signal.SIGINT, self._interrupt)
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        threading.Thread(target=self._read, name="ekiben-task-read", daemon=True).start()
        return self._inbox.get()

    def live(self, bound: BoundService, front: Front) -> None:
        """Serve tasks until the server closes the socket; raises what a start-up hook did."""
        leave = environment.enter(bound)
        made = self._make(bound)
        try:
            for hook in instances.hooks(made, "startup"):
                self._call(hook)
            self._say({"say": "ready"})
            while (frame := self._inbox.get()) is not None:
                self._is_busy = True
                is_over = self._run(frame, made, front)
                self._is_busy = False
                if is_over:
                    break
            self._leave(made)
        finally:
            self._runner.run(instances.leave(made))
            instances.close(made)
            self._runner.close()
            leave()

    def fail(self, error: BaseException) -> None:
        """Tell the server why there is no instance."""
        hint = f" ({error.hint})" if isinstance(error, EkibenError) and error.hint else ""
        words = str(error) if isinstance(error, EkibenError) else explain(error)
        self._say({"say": "failed", "words": words + hint})

    def _make(self, bound: BoundService) -> instances.Instance:
        async def on_loop() -> instances.Instance:
            return instances.make(bound)

        return self._runner.run(on_loop()) if instances.is_on_loop(bound) else instances.make(bound)

    def _leave(self, made: instances.Instance) -> None:
        for hook in instances.hooks(made, "shutdown"):
            try:
                self._call(hook)
            except Exception:
                log.exception("the hook `%s` failed", getattr(hook, "__name__", hook))

    def _call(self, hook: Callable[[], Any]) -> None:
        found = hook()
        if inspect.iscoroutine(found):
            self._runner.run(found)

    def _run(self, frame: Frame, made: instances.Instance, front: Front) -> bool:
        """Run one task; True says that the process is not to be used again."""
        head = frame.head
        self._is_interrupted, self._progress, self._told = False, (None, ""), 0.0
        end = None if head["limit"] is None else time.monotonic() + head["limit"]
        context = Context(state=made.state, request_id=head["task"], deadline=end, _report=self._report)
        call: Call | None = None
        try:
            call = self._runner.run(front.read(head["endpoint"], head["head"], frame.body, context))
            value = self._invoke(made.invoke[call.endpoint], call)
            if self._is_interrupted:  # and the method went on to its end: nobody wants what it gave
                self._say({"say": "stopped"})
                return True
            done = self._runner.run(front.write(call, value, head["place"]))
        except BaseException as error:  # noqa: BLE001 - the border; SystemExit and KeyboardInterrupt are the method's
            if self._is_interrupted:
                self._say({"say": "stopped"})
                return True
            done = front.fail(call, error, head["task"])
        finally:
            context.close()
        fraction, words = self._progress
        said = {"say": "done", "status": done.status, "headers": done.headers, "error": done.error}
        said |= {"is_file": done.body is None, "fraction": fraction, "words": words}
        self._say(said, done.body or b"")
        return False

    def _invoke(self, invoke: Callable[[Call], Any], call: Call) -> Any:
        """Call the method, and let an interrupt reach it while it runs."""
        self._is_inside = True
        try:
            with within(call.deadline):
                found = invoke(call)
                return self._runner.run(self._held(found)) if inspect.iscoroutine(found) else found
        finally:
            self._is_inside = False

    async def _held(self, method: Coroutine[Any, Any, T]) -> T:
        self._task = asyncio.current_task()
        try:
            return await method
        finally:
            self._task = None

    def _interrupt(self, number: int, frame: Any) -> None:
        """Answer SIGINT, in the main thread."""
        if not self._is_inside:
            return
        self._is_interrupted = True
        if self._task is None:
            raise KeyboardInterrupt("the task was canceled")
        self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def _report(self, fraction: float, words: str) -> None:
        """Tell the server how far the task is, but not too often."""
        self._progress = (fraction, words)
        now = time.monotonic()
        if now - self._told >= OFTEN:
            self._told = now
            self._say({"say": "progress", "fraction": fraction, "words": words})

    def _say(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        with self._sending:
            frames.send(self._sock, head, body)

    def _read(self) -> None:
        """Take in frames; the server's end is this process's."""
        try:
            while (frame := frames.read_blocking(self._sock)) is not None:
                self._inbox.put(frame)
        except (OSError, ValueError):
            log.exception("the socket of the server broke")
        if self._is_busy:  # nobody would hear of the rest
            os.killpg(0, signal.SIGKILL)
        self._inbox.put(None)
