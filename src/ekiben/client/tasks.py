"""Follow a task that was submitted: its state, its answer, its end, again.

In: a client, the route of a task, an id. Out: a `Task` for plain code and an `AsyncTask` for `async` code, which differ
in `await` alone; what a server told of a task, as a `TaskStatus`.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ekiben.client import answers, base, bodies
from ekiben.core.errors import AlreadyExists, DeadlineExceeded, EkibenError, NotFound, ServerError, WrongState

WAIT = 20.0  # seconds that one question waits for a task's end
FINISHED = ("completed", "failed", "canceled")


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """What a server told of a task."""

    value: str  # pending | in_progress | completed | failed | canceled
    progress: float | None = None  # of the work that is done, from 0 to 1
    message: str = ""  # of the task's own, on where it is
    attempts: int = 0  # how often it was started
    error: str | None = None  # why it failed

    @property
    def is_finished(self) -> bool:
        """Whether it will not run any more."""
        return self.value in FINISHED

    def __str__(self) -> str:
        return self.value


class Sync(Protocol):
    """What is asked of a client for plain code."""

    url: str
    timeout: float | None

    def _exchange(self, route: base.Route, keywords: Mapping[str, Any]) -> Any:
        """Send a request, and read its answer as *route* says."""


class Async(Protocol):
    """What is asked of a client for `async` code."""

    url: str
    timeout: float | None

    async def _exchange(self, route: base.Route, keywords: Mapping[str, Any]) -> Any:
        """Send a request, and read its answer as *route* says."""


class Task:
    """A task that was submitted; its `id` finds it again, also from another program."""

    def __init__(self, client: Sync, route: base.Route, task: str) -> None:
        self.id = task
        self._client = client
        self._route = route

    def status(self) -> TaskStatus:
        """Ask where it is.

        Raises:
            NotFound: the server does not know it, or no longer.
        """
        return read_status(self._ask("GET", "status"))

    def get(self, timeout: float | None = None) -> Any:
        """Wait until it has finished, and give what its method returned.

        Args:
            timeout: seconds to wait; None waits for as long as it takes.

        Raises:
            DeadlineExceeded: it has not finished in time; it goes on.
            WrongState: it was canceled.
            EkibenError: what it failed with.
        """
        waiting = Waiting(self._client.timeout, timeout)
        while not (found := read_status(self._ask("GET", "status", wait=waiting.next()))).is_finished:
            waiting.check(self.id, found)
        refuse_canceled(found)
        return self._client._exchange(below(self._route, "get", "GET"), asking(self.id))

    def cancel(self) -> TaskStatus:
        """End it, and return once it has ended; raises WrongState where it had finished."""
        return read_status(self._ask("PUT", "cancel"))

    def retry(self) -> "Task":
        """Run the same request again, as a new task; raises WrongState while it runs."""
        return Task(self._client, self._route, read_id(self._ask("POST", "retry")))

    @property
    def progress(self) -> float | None:
        """How far it is, from 0 to 1; None where it has not said; asks the server."""
        return self.status().progress

    get_status = status  # as BentoML's clients call it

    def _ask(self, method: str, what: str, **query: Any) -> Any:
        try:
            return self._client._exchange(told(self._route, what, method), asking(self.id, **query))
        except AlreadyExists as error:
            raise wrong_state(error) from error

    def __repr__(self) -> str:
        return f"<task {self.id} of {self._route.name} at {self._client.url}>"


class AsyncTask:
    """A task that was submitted from `async` code; else it is as `Task`."""

    def __init__(self, client: Async, route: base.Route, task: str) -> None:
        self.id = task
        self._client = client
        self._route = route

    async def status(self) -> TaskStatus:
        """Ask where it is; raises what `Task.status` does."""
        return read_status(await self._ask("GET", "status"))

    async def get(self, timeout: float | None = None) -> Any:
        """Wait until it has finished, and give what its method returned; as `Task.get`."""
        waiting = Waiting(self._client.timeout, timeout)
        while not (found := read_status(await self._ask("GET", "status", wait=waiting.next()))).is_finished:
            waiting.check(self.id, found)
        refuse_canceled(found)
        return await self._client._exchange(below(self._route, "get", "GET"), asking(self.id))

    async def cancel(self) -> TaskStatus:
        """End it, and return once it has ended; raises WrongState where it had finished."""
        return read_status(await self._ask("PUT", "cancel"))

    async def retry(self) -> "AsyncTask":
        """Run the same request again, as a new task; raises WrongState while it runs."""
        return AsyncTask(self._client, self._route, read_id(await self._ask("POST", "retry")))

    async def progress(self) -> float | None:
        """Ask how far it is, from 0 to 1; None where it has not said."""
        return (await self.status()).progress

    get_status = status  # as BentoML's clients call it

    async def _ask(self, method: str, what: str, **query: Any) -> Any:
        try:
            return await self._client._exchange(told(self._route, what, method), asking(self.id, **query))
        except AlreadyExists as error:
            raise wrong_state(error) from error

    def __repr__(self) -> str:
        return f"<task {self.id} of {self._route.name} at {self._client.url}>"


class Waiting:
    """How long to wait, in questions shorter than the client's own timeout."""

    def __init__(self, patience: float | None, timeout: float | None) -> None:
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + timeout
        self._most = WAIT if patience is None else max(0.0, min(WAIT, patience / 2))

    def next(self) -> float:
        """Say how many seconds the next question waits."""
        return self._most if self._end is None else max(0.0, min(self._most, self._end - time.monotonic()))

    def check(self, task: str, found: TaskStatus) -> None:
        """Give up once the time is over."""
        if self._end is not None and time.monotonic() >= self._end:
            raise DeadlineExceeded(
                f"the task {task} has no answer within {self._timeout:g} seconds: it is {found}",
                hint="it goes on; ask again, or cancel it",
            )


def submit(client: Sync, route: base.Route, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Task:
    """Submit a task.

    Raises:
        NotFound: the endpoint is no task.
        TypeError: the arguments are not those of the endpoint.
        InvalidInput: a value is wrong; `problems` names every place.
        Unavailable: too many tasks wait.
    """
    check(route, client.url)
    with ExitStack() as opened:
        body = bodies.write(route, base.bind(route, args, kwargs), opened)
        found = client._exchange(told(route, "submit", "POST"), sending(body, route, bodies.chunks))
    return Task(client, route, read_id(found))


async def submit_async(
    client: Async, route: base.Route, args: tuple[Any, ...], kwargs: Mapping[str, Any], chunks: Callable[[Any], Any]
) -> AsyncTask:
    """Submit a task from `async` code; raises what `submit` does."""
    check(route, client.url)
    with ExitStack() as opened:
        body = bodies.write(route, base.bind(route, args, kwargs), opened)
        found = await client._exchange(told(route, "submit", "POST"), sending(body, route, chunks))
    return AsyncTask(client, route, read_id(found))


def sending(body: bodies.Body, route: base.Route, chunks: Callable[[Any], Any]) -> Mapping[str, Any]:
    """Give the keywords of the request that submits; `accept` is for what comes."""
    return bodies.keywords(body, answers.accept(route), chunks)


def asking(task: str, **query: Any) -> Mapping[str, Any]:
    """Give the keywords of a request about a task."""
    return {"params": {"task_id": task, **query}}


def below(route: base.Route, what: str, method: str) -> base.Route:
    """Give one of the routes of a task, with the answer of the task itself."""
    return replace(route, path=f"{route.path}/{what}", method=method)


def told(route: base.Route, what: str, method: str) -> base.Route:
    """Give one of the routes of a task that tells of it."""
    return replace(below(route, what, method), output={}, definitions={})


def check(route: base.Route, url: str) -> None:
    """Raise NotFound where an endpoint is no task."""
    if not route.is_task:
        raise NotFound(f"the endpoint `{route.name}` at {url} is no task", hint=f"call it: `client.{route.name}(...)`")


def refuse_canceled(found: TaskStatus) -> None:
    """Raise WrongState for a canceled task."""
    if found.value == "canceled":
        raise WrongState("the task has no answer: it was canceled", hint="`retry()` runs it again")


def wrong_state(error: EkibenError) -> WrongState:
    """Give the error of a 409, which other routes mean otherwise."""
    return WrongState(error.message, hint=error.hint)


def read_id(found: Any) -> str:
    """Read the id of a task; raises ServerError."""
    if isinstance(found, dict) and isinstance(found.get("task_id"), str):
        return str(found["task_id"])
    raise ServerError(f"the server told no `task_id`: {found!r:.200}")


def read_status(found: Any) -> TaskStatus:
    """Read what a server told of a task; raises ServerError."""
    if not isinstance(found, dict) or not isinstance(found.get("status"), str):
        raise ServerError(f"the server told no `status` of the task: {found!r:.200}")
    progress = found.get("progress") or {}
    return TaskStatus(
        found["status"], progress.get("fraction"), progress.get("message") or "", found.get("attempts") or 0,
        found.get("error"),
    )  # fmt: skip
