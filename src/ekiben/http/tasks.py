"""Answer the routes of tasks: submit, status, get, retry, cancel, and the plain.

In: endpoints that are tasks. Out: handlers by path and method. A request is checked when it comes, and kept as it came,
without what its sender authenticates by. A task is known by its id alone, which nobody can guess.
"""

import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson

from ekiben.core.context import Context
from ekiben.core.errors import DeadlineExceeded, InvalidInput, Problem, Unavailable, WrongState
from ekiben.core.log import described
from ekiben.core.paths import home
from ekiben.core.spec import TASK_ROUTES, BoundService, Limits
from ekiben.engine.tasks import origin
from ekiben.engine.tasks.process import TaskProcess
from ekiben.engine.tasks.record import Answer, Record, Request, State
from ekiben.engine.tasks.runner import Tasks, name_folder
from ekiben.http import answer, body, deadline, errors
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import Exchange, Message, Receive, Scope, Send
from ekiben.http.origin import Guard
from ekiben.http.watch import Watch
from ekiben.schema.codec import Codec

SECRET = frozenset({b"authorization", b"cookie", b"proxy-authorization"})  # of a request; never kept
LONGEST = 255  # letters of an idempotency key
MOST_WAIT = 60.0  # seconds that `wait` may ask for
PROGRAM = "ekiben.http.task_process"

Reply = Callable[[Scope, Receive, Exchange], Awaitable[answer.Answer]]


def make(bound: BoundService, folder: Path | None = None) -> Tasks | None:
    """Make what keeps and runs the tasks of a service; None where it has none.

    Args:
        bound: the service.
        folder: keeps the tasks, in place of what the service says.

    Raises:
        ConfigError: the service cannot be imported by another process.
    """
    spec = bound.spec
    endpoints = [each for each in spec.endpoints if each.task]
    if not endpoints:
        return None
    hello = {
        "origin": origin.describe(bound),
        "path": sys.path,
        "home": str(home()),
        "style": asdict(spec.style),
        "limits": asdict(spec.limits),
        "envs": [dict(env) for env in spec.envs],
        "log": described(),
    }
    fail = errors.plan(spec.style)
    command = [sys.executable, "-P", "-m", PROGRAM]
    path = name_folder(home(), spec.name, folder or spec.tasks.folder)
    return Tasks(path, spec.tasks, endpoints, lambda: TaskProcess(command, hello), lambda error: failed(fail, error))


def failed(fail: Callable[[BaseException, str], errors.Failure], error: BaseException, task: str = "-") -> Answer:
    """Write an error as the answer of a task."""
    found = fail(error, task)
    headers = (("content-type", found.media_type), *found.headers.items())
    return Answer(found.status, headers, found.body, found.words)


@dataclass(frozen=True, slots=True)
class Shared:
    """What the tasks of one app share."""

    tasks: Tasks
    limits: Limits
    gzip_min: int | None
    guard: Guard
    watch: Watch
    waiting: str  # the state that is told of a task that has not begun


def plan(
    bound: BoundService, codecs: Mapping[str, Codec], tasks: Tasks, guard: Guard
) -> Iterator[tuple[str, tuple[str, ...], Handler]]:
    """Give path, methods and handler of all that tasks answer.

    Args:
        bound: the service.
        codecs: read the arguments, by endpoint.
        tasks: keeps and runs them.
        guard: against pages of other origins.
    """
    spec = bound.spec
    shared = Shared(tasks, spec.limits, spec.http.gzip_min, guard, Watch(), spec.style.waiting)
    for endpoint in spec.endpoints:
        if not endpoint.task:
            continue
        desk = Routes(endpoint.name, codecs[endpoint.name], shared)
        replies: Mapping[str, Reply] = {
            "submit": desk.submit, "status": desk.status, "get": desk.get, "retry": desk.retry, "cancel": desk.cancel
        }  # fmt: skip
        path = spec.http.path_prefix + endpoint.route
        yield path, endpoint.methods, desk.call
        for name, methods in TASK_ROUTES.items():
            yield f"{path}/{name}", methods, desk.handler(replies[name])


class Routes:
    """The routes of one task."""

    def __init__(self, name: str, codec: Codec, shared: Shared) -> None:
        self._name = name
        self._shared = shared
        self._tasks = shared.tasks
        self._read = body.Reader(codec, shared.limits).read

    def handler(self, reply: Reply) -> Handler:
        """Make a handler of a reply."""

        async def handle(scope: Scope, receive: Receive, send: Send, seen: Exchange) -> None:
            self._check(scope, seen)
            await self._send(await reply(scope, receive, seen), scope, send, seen)

        return handle

    def _document(self, record: Record) -> answer.Answer:
        return document(record, self._shared.waiting)

    async def submit(self, scope: Scope, receive: Receive, seen: Exchange) -> answer.Answer:
        """Keep a task; a second one with the same key is the first."""
        record = await self._submit(scope, receive, seen, token=token_of(seen.headers), waits=False)
        return self._document(record)

    async def status(self, scope: Scope, receive: Receive, seen: Exchange) -> answer.Answer:
        """Say where a task is; `wait` asks to hear once it has finished."""
        asked = self._tasks.get(id_of(scope), self._name, wait=wait_of(queried(scope).get("wait", ["0"])[-1]))
        return self._document(await self._shared.watch.over(asked, receive))

    async def get(self, scope: Scope, receive: Receive, seen: Exchange) -> answer.Answer:
        """Give a task's answer, as often as it is asked for."""
        record = await self._tasks.get(id_of(scope), self._name)
        if not record.is_finished:
            raise WrongState(f"the task has no answer yet: it is {record.state}", hint="ask for its status first")
        if record.state is State.CANCELED:
            raise WrongState("the task has no answer: it was canceled", hint="`retry` runs it again")
        return sendable(await self._tasks.answer(record.id))

    async def retry(self, scope: Scope, receive: Receive, seen: Exchange) -> answer.Answer:
        """Run what a finished task was asked again, as a new one."""
        return self._document(await self._tasks.retry(id_of(scope), self._name))

    async def cancel(self, scope: Scope, receive: Receive, seen: Exchange) -> answer.Answer:
        """End a task, and answer once it has ended."""
        record = await self._tasks.cancel(id_of(scope), self._name)
        if record.is_finished and record.state is not State.CANCELED:
            raise WrongState(f"the task cannot be canceled: it is {record.state}")
        return self._document(record)

    async def call(self, scope: Scope, receive: Receive, send: Send, seen: Exchange) -> None:
        """Run a task, and wait for its answer; without whoever waits it is not wanted."""
        self._check(scope, seen)
        due = deadline.read(seen.headers)
        record = await self._submit(scope, receive, seen, token=None, waits=True)
        try:
            wait = shortest(self._shared.limits.timeout or None, due)
            asked = self._tasks.get(record.id, self._name, wait=wait)
            record = await self._shared.watch.over(asked, receive)
            if record.state is State.CANCELED or (not record.is_finished and self._tasks.is_paused):
                raise Unavailable("the server stopped before the answer was there", retry_after=5)
            if not record.is_finished:
                raise DeadlineExceeded(
                    f"no answer within {wait:g} seconds, and the task was canceled",
                    hint="submit it, and ask for its answer later",
                )
            await self._send(sendable(await self._tasks.answer(record.id)), scope, send, seen)
        finally:
            self._tasks.discard(record.id, self._name)

    def _check(self, scope: Scope, seen: Exchange) -> None:
        if b"origin" in seen.headers or b"sec-fetch-site" in seen.headers:
            self._shared.guard.check(scope, seen.headers)

    async def _submit(
        self, scope: Scope, receive: Receive, seen: Exchange, *, token: str | None, waits: bool
    ) -> Record:
        """Check a request, and keep it as it came."""
        content = await body.read(receive, self._shared.limits.max_body)
        context = Context(request_id=seen.request_id)
        try:
            await self._read(seen.headers, again(content), lambda: context)
        finally:
            context.close()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
                   if name.lower() not in SECRET]  # fmt: skip
        head = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "type": seen.headers.get(b"content-type", b"").decode("latin-1"),
            "headers": headers,
        }
        return await self._tasks.submit(self._name, Request(head, content), token=token, waits=waits)

    async def _send(self, made: answer.Answer, scope: Scope, send: Send, seen: Exchange) -> None:
        accepts = seen.headers.get(b"accept-encoding", b"")
        is_head = scope["method"] == "HEAD"
        await answer.send(made, send, head=is_head, accepts=accepts, gzip_min=self._shared.gzip_min)


def shortest(limit: float | None, due: float | None) -> float | None:
    """Say how many seconds a caller may wait, by the service's limit and its own."""
    left = [] if due is None else [max(0.001, due - time.monotonic())]
    return min([*left, *([] if limit is None else [limit])], default=None)


def again(content: bytes) -> Receive:
    """Give a body once more, as ASGI messages."""

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


def document(record: Record, waiting: str) -> answer.Answer:
    """Describe a task; *waiting* is the state of one that has not begun."""
    told: Mapping[str, Any] = {
        "task_id": record.id,
        "status": waiting if record.state is State.PENDING else str(record.state),
        "created_at": moment(record.created),
        "executed_at": moment(record.started),
        "finished_at": moment(record.finished),
        "attempts": record.attempts,
        "max_attempts": record.max_attempts,
        "progress": None if record.fraction is None else {"fraction": record.fraction, "message": record.words},
        "error": record.error,
    }
    return answer.plain(200, orjson.dumps(told), "application/json", {"cache-control": "no-store"})


def moment(seconds: float | None) -> str | None:
    """Write a moment (RFC 3339, UTC)."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def sendable(found: Answer) -> answer.Answer:
    """Turn a stored answer into one to send."""
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in found.headers]
    return answer.Answer(found.status, found.body, headers)


def queried(scope: Scope) -> dict[str, list[str]]:
    """Read the query; raises InvalidInput for one with too many fields."""
    try:
        return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=10)
    except ValueError as error:
        raise InvalidInput("the query has too many fields; `task_id` and `wait` are known") from error


def id_of(scope: Scope) -> str:
    """Read `task_id` from the query; raises InvalidInput where it is missing."""
    found: list[str] = queried(scope).get("task_id", [])
    if len(found) != 1:
        raise InvalidInput(problems=[Problem("task_id", "is required in the query, once")])
    return found[0]


def wait_of(text: str) -> float:
    """Read `wait` from the query; raises InvalidInput for what are no seconds."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds <= MOST_WAIT:
        raise InvalidInput(problems=[Problem("wait", f"must be a number of seconds from 0 to {MOST_WAIT:g}")])
    return seconds


def token_of(headers: Mapping[bytes, bytes]) -> str | None:
    """Read `Idempotency-Key`; raises InvalidInput for one that is too long or odd."""
    found = headers.get(b"idempotency-key")
    if found is None:
        return None
    text = found.decode("latin-1")
    if not (0 < len(text) <= LONGEST and text.isascii() and text.isprintable()):
        raise InvalidInput(f"`Idempotency-Key` must be 1 to {LONGEST} printable letters of ASCII: {text[:40]!r}")
    return text
