"""Write calls between services: arguments, answers, errors by their names.

In: Python values at one end. Out: the same at the other, made by the callee's hints; or the error that was raised
there, as an error of ours with its status and words. What is no error of ours is logged where it happened, and nothing
of it crosses.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ekiben.core import errors
from ekiben.core.context import Context
from ekiben.core.errors import EkibenError, InvalidInput, Problem, ServerError
from ekiben.core.running import Running, answering, running
from ekiben.core.spec import BoundService
from ekiben.engine.job import Done
from ekiben.engine.messages import Call
from ekiben.engine.parcel import pack, unpack
from ekiben.engine.streams import Stream
from ekiben.engine.wire import Buffer
from ekiben.engine.worker import Worker
from ekiben.schema.codec import Arguments, value_reader
from ekiben.schema.signature import Signature
from ekiben.schema.structures import alias_of

log = logging.getLogger("ekiben")

FORM = "values"  # says in a call's head what kind it is
FINE = "value"
WRONG = "error"
KNOWN = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, EkibenError)}
TOLD = (503, 504)  # of the service's own faults, those that the caller is told in words


SendPart = Callable[[Any, Buffer], Awaitable[None]]  # a part's head and its buffer
Joined = Callable[[str, Mapping[str, str]], AbstractContextManager[None]]


def joined(request_id: str, headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """Run a block for a request of another process, whose headers go on."""
    return answering(Running(request_id, outgoing=lambda: headers))


class Valued:
    """Answers the calls of other services; planned once in a worker.

    Args:
        bound: the service.
        worker: runs the calls.
        join: lets code know which request it answers, and go on with its trace.
    """

    def __init__(self, bound: BoundService, worker: Worker, join: Joined | None = None) -> None:
        self._worker = worker
        self._join = join or joined
        self._readers: Mapping[str, Callable[[Any], Arguments]] = {
            name: value_reader(signature) for name, signature in bound.signatures.items()
        }
        self._streams = {each.name for each in bound.spec.endpoints if each.stream}
        self._with_context = {name for name, signature in bound.signatures.items() if signature.context is not None}

    async def answer(self, endpoint: str, head: Any, buffers: Sequence[Buffer]) -> Done:
        """Answer one call."""
        where = f"{self._worker.dispatcher.bound.spec.name}.{endpoint}"
        try:
            _, told, given = head
            request_id, headers = str(told), {str(name): str(value) for name, value in given.items()}
        except (TypeError, ValueError, AttributeError) as error:
            return tell(error, where), ()
        context = Context(state=self._worker.dispatcher.state, request_id=request_id)
        try:
            args, kwargs = self._readers[endpoint](unpack(buffers))
            with self._join(request_id, headers):
                call = Call(endpoint, args, kwargs, context if endpoint in self._with_context else None)
                call.about = running()
                found = await self._worker.submit(call)
                if endpoint not in self._streams:
                    return [FINE], pack(found)
                await send_all(found, self._worker.send_part)
                return [FINE], ()
        except Exception as error:  # noqa: BLE001 - the border to the caller
            return tell(error, where, request_id), ()
        finally:
            context.close()


async def send_all(stream: Stream, send: SendPart) -> None:
    """Send what a generator gives, a part for each buffer; raises what it raises."""
    try:
        async for values in stream:
            for value in values:
                first, *others = pack(value)
                await send(1 + len(others), first)
                for buffer in others:
                    await send(None, buffer)
    finally:
        await stream.close()


def tell(error: Exception, where: str, request_id: str = "") -> list[Any]:
    """Write an error for the caller; what is no error of ours is logged here.

    Args:
        error: what was raised.
        where: the service and its endpoint.
        request_id: of the request that all began with.
    """
    is_told = isinstance(error, EkibenError) and (error.status < 500 or error.status in TOLD)
    if not is_told:
        log.error("%s failed (request %s): %s", where, request_id or "-", error, exc_info=error)
        return [WRONG, ServerError.__name__, 500, f"{where} failed; the log says why", None, [], None]
    assert isinstance(error, EkibenError)
    name = next(kind.__name__ for kind in type(error).__mro__ if KNOWN.get(kind.__name__) is kind)
    problems = [[each.path, each.message] for each in getattr(error, "problems", ())]
    retry = getattr(error, "retry_after", None)
    return [WRONG, name, error.status, str(error), error.hint, problems, None if retry is None else float(retry)]


def told(head: Any) -> EkibenError:
    """Make the error that `tell` wrote; raises ValueError for what it does not write."""
    try:
        _, name, status, message, hint, problems, retry = head
        kind = KNOWN[name]
        options: dict[str, Any] = {"hint": hint}
        if issubclass(kind, InvalidInput):
            options["problems"] = [Problem(path, words) for path, words in problems]
        elif issubclass(kind, errors.TooManyRequests | errors.Unavailable):
            options["retry_after"] = retry
        made = kind(message, **options)
    except (TypeError, KeyError) as error:
        raise ValueError(f"an error that means nothing came from a service: {error}") from error
    if made.status != status:
        vars(made)["status"] = int(status)  # a class of the user's, nearest to the one of ours
    return made


def binder(signature: Signature) -> Callable[[tuple[Any, ...], dict[str, Any]], Any]:
    """Settle how arguments are put in the form in which the callee reads them.

    What it gives raises TypeError where there are too many, or one is there twice.
    """
    names = [parameter.name for parameter in signature.parameters if parameter.stars != "**"]
    rest = next((parameter.name for parameter in signature.parameters if parameter.stars == "*"), None)
    more = next((parameter.name for parameter in signature.parameters if parameter.stars == "**"), None)
    known = frozenset(names)
    aliases = {parameter.name: alias_of(parameter.default) for parameter in signature.parameters}
    renamed = {name: alias for name, alias in aliases.items() if alias}

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if rest is not None:
            ahead = names.index(rest)
            found: dict[str, Any] = dict(zip(names[:ahead], args, strict=False)) | {rest: list(args[ahead:])}
        elif len(args) > len(names):
            raise TypeError(f"it takes {len(names)} arguments, not {len(args)}")
        else:
            found = dict(zip(names, args, strict=False))
        if not found.keys().isdisjoint(kwargs):
            raise TypeError(f"`{min(found.keys() & kwargs.keys())}` is given twice")
        if signature.is_root:
            return next(iter({**found, **kwargs}.values()), None)
        if more is not None:
            found[more] = {name: kwargs.pop(name) for name in list(kwargs) if name not in known}
        found.update(kwargs)
        return {renamed.get(name, name): value for name, value in found.items()} if renamed else found

    return bind


def read_answer(done: Done, read: Callable[[Any], Any]) -> Any:
    """Give the value of an answer, or raise its error."""
    head, buffers = done
    if head == [FINE]:
        return read(unpack(buffers))
    raise told(head)
