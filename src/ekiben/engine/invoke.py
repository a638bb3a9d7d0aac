"""Call the user's method by its convention.

In: an instance and an endpoint, once at start. Out: a function from a call to the method's own result; and two ways
to run what `batch` asks for: on a thread, and on the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from ekiben.core.context import Context
from ekiben.core.deadline import within
from ekiben.core.errors import ConfigError
from ekiben.core.running import answering
from ekiben.core.spec import Convention, EndpointSpec
from ekiben.engine.batch import Run
from ekiben.engine.messages import Call, Reply
from ekiben.engine.monitoring import Monitors, monitor_from_here, monitoring

END = object()  # behind the last piece of a stream
Invoke = Callable[[Call], Any]


def plan(instance: Any, attribute: str, endpoint: EndpointSpec, context: str | None) -> Invoke:
    """Settle how an endpoint's method is called; an `async def` gives a coroutine.

    Args:
        instance: the service's instance.
        attribute: its method.
        endpoint: what is called.
        context: the method's parameter for the running call, if it has one.

    Raises:
        ConfigError: the instance has no such method.
    """
    method = getattr(instance, attribute, None)
    if not callable(method):
        raise ConfigError(f"the service has no method `{attribute}` for the endpoint `{endpoint.name}`")
    is_listed = endpoint.convention is Convention.LISTED and endpoint.batch is None  # else a batch is the list
    if context is not None and is_listed:
        return lambda call: method([*call.args, *call.kwargs.values()], **{context: call.context or Context()})
    if context is not None:
        return lambda call: method(*call.args, **call.kwargs, **{context: call.context or Context()})
    if is_listed:
        return lambda call: method([*call.args, *call.kwargs.values()])
    return lambda call: method(*call.args, **call.kwargs)


def tell_deadline(invoke: Invoke, *, is_async: bool) -> Invoke:
    """Let the method know by when it must answer, through `core.deadline`.

    Only for services that call others: those calls get what is left.
    """
    if not is_async:

        def call(given: Call) -> Any:
            with within(given.deadline):
                return invoke(given)

        return call

    async def call_async(given: Call) -> Any:
        with within(given.deadline):
            return await invoke(given)

    return call_async


def tell_running(invoke: Invoke, *, is_async: bool = False) -> Invoke:
    """Let a method's code know which request it answers, through `core.running`."""

    def call(given: Call) -> Any:
        if given.about is None:
            return invoke(given)
        with answering(given.about):
            return invoke(given)

    async def call_async(given: Call) -> Any:
        if given.about is None:
            return await invoke(given)
        with answering(given.about):
            return await invoke(given)

    return call_async if is_async else call


def keep_records(invoke: Invoke, monitors: Monitors, *, is_async: bool) -> Invoke:
    """Let what a method logs by `ekiben.monitor` go where its service says."""
    if not is_async:

        def call(given: Call) -> Any:
            with monitoring(monitors):
                return invoke(given)

        return call

    async def call_async(given: Call) -> Any:
        with monitoring(monitors):
            return await invoke(given)

    return call_async


def keep_records_of_stream(invoke: Invoke, monitors: Monitors) -> Invoke:
    """Let what an async generator logs go where its service says.

    It is a task of its own from start to end.
    """

    def call(given: Call) -> Any:
        monitor_from_here(monitors)
        return invoke(given)

    return call


def step_within(invoke: Invoke, around: Callable[[Call], AbstractContextManager[None]]) -> Invoke:
    """Run a sync method that streams, and its steps, within *around* its call.

    A generator has no context of its own: its code runs in that of whoever asks for the next piece.
    """

    def steps(given: Call, pieces: Iterator[Any]) -> Iterator[Any]:
        try:
            while True:
                with around(given):
                    piece = next(pieces, END)
                if piece is END:
                    return
                yield piece
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                with around(given):
                    close()

    def call(given: Call) -> Any:
        with around(given):
            value = invoke(given)
        return steps(given, value) if isinstance(value, Iterator) else value

    return call


def tell_begin(invoke: Invoke, begun: Callable[[Call], None]) -> Invoke:
    """Let *begun* know that a call begins, right before it does."""

    def call(given: Call) -> Any:
        begun(given)
        return invoke(given)

    return call


def attempt(invoke: Invoke, call: Call) -> Reply:
    """Call a sync method; whatever it raises is its reply."""
    try:
        return Reply(invoke(call))
    except BaseException as error:  # noqa: BLE001 - also SystemExit: a model thread must not end unseen
        return Reply(error=error)


async def attempt_async(invoke: Callable[[Call], Awaitable[Any]], call: Call) -> Reply:
    """Call an `async def` method; what it raises is its reply, but for our task's end."""
    try:
        return Reply(await invoke(call))
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return Reply(error=error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the border; SystemExit would end the event loop
        return Reply(error=error)


def drive(run: Run, invoke: Invoke) -> list[Reply]:
    """Run a batch on this thread."""
    try:
        call = next(run)
        while True:
            call = run.send(attempt(invoke, call))
    except StopIteration as end:
        replies: list[Reply] = end.value
        return replies


async def drive_async(run: Run, invoke: Callable[[Call], Awaitable[Any]]) -> list[Reply]:
    """Run a batch on the event loop."""
    try:
        call = next(run)
        while True:
            call = run.send(await attempt_async(invoke, call))
    except StopIteration as end:
        replies: list[Reply] = end.value
        return replies
