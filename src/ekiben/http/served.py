"""Be a worker of a service: answer the requests that the front passed on.

In: requests without their connections. Out: the answers of the very handlers that would give them in one process, so
that both layouts give the same bytes.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import perf_counter
from typing import Any

import uvloop
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ekiben.core.spec import BoundService
from ekiben.engine.control import Message
from ekiben.engine.graph import LINK, MARK, check_known, joined
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done
from ekiben.engine.leash import Leash
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.member import Mark
from ekiben.engine.messages import Reply
from ekiben.engine.timing import CodecTimes, timed
from ekiben.engine.unhurried import Unwatched, within
from ekiben.engine.values import FORM as VALUES
from ekiben.engine.values import Joined, Valued
from ekiben.engine.wire import Buffer, view
from ekiben.engine.worker import Worker
from ekiben.http import endpoint as endpoints
from ekiben.http import errors, exchange, tracing
from ekiben.http.apart import FORM as REQUEST
from ekiben.http.apart import RELAYED
from ekiben.http.endpoint import Handler, Service
from ekiben.http.exchange import OUTCOME, Exchange, Outcome, Scope
from ekiben.http.metrics import Inner, Metrics
from ekiben.http.origin import Guard
from ekiben.http.plain_call import PlainCalls
from ekiben.http.scrape import Teller
from ekiben.http.tracing import Noting
from ekiben.http.watch import Watch
from ekiben.schema.codec import Codec, plan

log = logging.getLogger("ekiben")


def run(bound: BoundService, leash: Leash, drain: float) -> bool:
    """Work until told to stop; False says that the service could not start."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(live(bound, leash, drain))


async def live(bound: BoundService, leash: Leash, drain: float) -> bool:
    """Make the instance, and answer calls until SIGTERM or the end of the front."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, asked.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    codecs, times = timed_codecs(bound)

    async def send(service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], due: float | None) -> Done:
        return await worker.call(service, endpoint, head, buffers, due)

    def open_stream(service: str, endpoint: str, head: Any, buffers: Sequence[Buffer], due: float | None) -> Incoming:
        return worker.open(service, endpoint, head, buffers, due)

    noting = tracing.plan(bound.spec, ())
    around = None if noting is None else noting.batch
    dispatcher = LocalDispatcher(within(joined(bound, send, open_stream, lambda: loop)), codecs, Unwatched, around)
    teller = Teller(Metrics(bound.spec, Inner(codecs=times, methods=dispatcher.methods)))

    async def tell(message: Message) -> Message:
        return teller.tell()

    leash.attach({"figures": tell})
    sockets = leash.place.sockets
    worker = Worker(dispatcher, socket.socket(fileno=sockets[LINK][0]), Mark(sockets[MARK][0]))
    try:
        check_known(bound, leash.place.notes)
        await dispatcher.start()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code; the front reports it
        leash.failed(error)
        return False
    served = Served(bound, codecs, worker, noting)
    forms = {REQUEST: served.answer, RELAYED: served.answer, VALUES: Valued(bound, worker, joining(noting)).answer}
    worker.ready(lambda endpoint, head, buffers: forms[kind_of(head)](endpoint, head, buffers), served.form_of)
    leash.ready()
    ends = [asyncio.create_task(each.wait()) for each in (asked, worker.ended)]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for each in ends:
        each.cancel()
    leash.say("draining")
    await worker.drain(drain)
    await dispatcher.stop()
    worker.close()
    try:
        leash.say("figures", **teller.tell())
    except Exception:  # a border: metrics that the user's code collects
        log.exception("the figures of this worker are not told")
    return True


def timed_codecs(bound: BoundService) -> tuple[dict[str, Codec], dict[str, CodecTimes]]:
    """Plan the codecs of a service, and what they note."""
    codecs = {name: plan(signature, bound.spec.style) for name, signature in bound.signatures.items()}
    times = {name: CodecTimes() for name in codecs} if bound.spec.http.metrics.enabled else {}
    return codecs | {name: timed(codecs[name], each) for name, each in times.items()}, times


def joining(noting: Noting | None) -> Joined | None:
    """Say how a call of another service joins the request that it is made for."""
    if noting is None:
        return None
    return lambda request_id, headers: noting.joined(
        request_id, {name.encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
    )


def kind_of(head: Any) -> Any:
    """Say what kind of call has this head; bytes are a plain request's."""
    return REQUEST if isinstance(head, bytes) else head[0]


class Passed(Guard):
    """The rule of what the front has let pass."""

    def check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Let it pass."""


class Served:
    """Answers the requests that the front passed on; planned once in a worker.

    Args:
        bound: the service, as the front has it.
        codecs: of its endpoints.
        worker: runs the calls.
        noting: knows whose they are, where the service asks for that.
    """

    def __init__(
        self, bound: BoundService, codecs: Mapping[str, Codec], worker: Worker, noting: Noting | None = None
    ) -> None:
        spec = bound.spec
        self._joined = nobody if noting is None else noting.joined
        service = Service(
            worker.submit if noting is None else noting.submit(worker.submit),
            spec.limits,
            spec.http.gzip_min,
            Passed(None, proxied=False),
            Watch(),
            worker.dispatcher.state,
        )
        self._send_part = worker.send_part
        self._streams = {each.name for each in spec.endpoints if each.stream}
        self._fail = errors.plan(spec.style)
        self._id_header = spec.style.request_id_header.lower().encode()
        self._routes = {each.name: spec.http.path_prefix + each.route for each in spec.endpoints}
        self._handlers: dict[str, Handler] = {}
        self._plain: dict[str, PlainCalls] = {}
        for each in spec.endpoints:
            name, codec, signature = each.name, codecs[each.name], bound.signatures[each.name]
            wants_context = signature.context is not None
            self._handlers[name] = endpoints.plan(each, codec, service, wants_context=wants_context)
            is_drawn = codec.output_leaf is not None and codec.output_leaf.kind == "image"  # encoded off the loop
            if not (wants_context or each.stream or is_drawn):
                later = partial(self._later, name)
                self._plain[name] = PlainCalls(
                    codec, spec.limits, spec.http.gzip_min, self._fail, later, is_told=noting is not None
                )

    def form_of(self, endpoint: str, head: Any) -> PlainCalls | None:
        """Give the form of a call that takes no task."""
        return self._plain.get(endpoint) if isinstance(head, bytes) else None

    async def answer(self, endpoint: str, head: Any, buffers: Sequence[Buffer]) -> Done:
        """Answer one request."""
        if isinstance(head, bytes):
            request_id, accept, encoding = head.split(b"\n")
            read = [[b"accept", accept], [b"accept-encoding", encoding]]
            head = [RELAYED, "POST", [pair for pair in read if pair[1]], request_id.decode(), None]
        kind, method, headers, request_id, known = head
        given = [(bytes(name), bytes(value)) for name, value in headers]
        scope = self._scope(endpoint, method, [*given, (self._id_header, request_id.encode())], known)
        taken = await self._answer(endpoint, scope, buffers, request_id)
        return taken.short() or taken.whole() if kind == RELAYED else taken.whole()

    async def _later(self, endpoint: str, value: Any, request_id: str, headers: list[tuple[bytes, bytes]]) -> Done:
        """Answer with a value that is no plain one, or what was encoded of it."""
        scope = self._scope(endpoint, "POST", [*headers, (self._id_header, request_id.encode())], None)
        scope[OUTCOME] = Outcome(Reply(value), perf_counter(), request_id)
        taken = await self._answer(endpoint, scope, (), request_id)
        return taken.short() or taken.whole()

    async def _answer(self, endpoint: str, scope: Scope, buffers: Sequence[Buffer], request_id: str) -> "Taken":
        taken = Pieced(self._send_part) if endpoint in self._streams else Taken()
        seen = Exchange(scope, taken.send, self._id_header)
        try:
            with self._joined(request_id, seen.headers):
                await self._handlers[endpoint](scope, Body(buffers).receive, taken.send, seen)
        except Exception as error:  # noqa: BLE001 - the border; `errors` logs what is our fault
            taken.refuse(error, self._fail, request_id)
        taken.status = seen.status or taken.status
        return taken

    def _scope(self, endpoint: str, method: str, headers: Any, known: Mapping[str, Any] | None) -> Scope:
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": method,
            "path": self._routes[endpoint],
            "query_string": b"",
            "headers": headers,
        }
        if known is not None:
            scope.update(known)
            scope.update({key: tuple(known[key]) for key in ("client", "server") if known.get(key)})
        return scope


def nobody(request_id: str, headers: Mapping[bytes, bytes]) -> AbstractContextManager[None]:
    """Note nothing of a request."""
    return nullcontext()


class Body:
    """Gives a request's whole body as one message."""

    __slots__ = ("_buffers", "_is_given")

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self._buffers = list(buffers)
        self._is_given = False

    async def receive(self) -> exchange.Message:
        """Give the body, then nothing more: the front notices the end of the client."""
        if self._is_given:
            await asyncio.get_running_loop().create_future()
        self._is_given = True
        body = b"".join([view(buffer) for buffer in self._buffers])
        self._buffers = []
        return {"type": "http.request", "body": body, "more_body": False}


class Taken:
    """Keeps an answer instead of sending it."""

    __slots__ = ("headers", "parts", "status")

    def __init__(self) -> None:
        self.status = 0
        self.headers: Sequence[Any] = ()
        self.parts: list[bytes] = []

    async def send(self, message: exchange.Message) -> None:
        """Keep a message."""
        if message["type"] == "http.response.start":
            self.headers = exchange.checked(message["status"], list(message.get("headers", ())))
            self.status = message["status"]
        elif body := message.get("body"):
            self.parts.append(body)

    def whole(self) -> Done:
        """Give the answer with all headers."""
        return [self.status, [[*pair] for pair in self.headers]], [b"".join(self.parts)]

    def short(self) -> Done | None:
        """Give status, media type and other lines; None for headers in another order."""
        names = [name for name, _ in self.headers]
        if names[:1] != [b"content-type"] or names[-1] != b"content-length" or self.status not in STATUS_LINE:
            return None
        more = b"".join(b"%b: %b\r\n" % tuple(pair) for pair in self.headers[1:-1])
        return [self.status, self.headers[0][1], more], [b"".join(self.parts)]

    def refuse(self, error: Exception, fail: Callable[[BaseException, str], errors.Failure], request_id: str) -> None:
        """Answer with what went wrong, in place of what was there."""
        failure = fail(error, request_id)
        self.status, self.parts = failure.status, [failure.body]
        self.headers = [
            (b"content-type", failure.media_type.encode()),
            *((name.encode(), value.encode("latin-1")) for name, value in failure.headers.items()),
            (b"content-length", b"%d" % len(failure.body)),
        ]


class Pieced(Taken):
    """Sends an answer piece by piece; one that has no piece is kept.

    Args:
        send_part: sends a piece, the first one with the head.
    """

    __slots__ = ("_has_begun", "_is_broken", "_send_part")

    def __init__(self, send_part: Callable[[Any, Buffer], Awaitable[None]]) -> None:
        super().__init__()
        self._send_part = send_part
        self._has_begun = False
        self._is_broken = False

    async def send(self, message: exchange.Message) -> None:
        """Send a piece."""
        if message["type"] == "http.response.start" or not (self._has_begun or message.get("more_body")):
            await super().send(message)
            return
        head = None if self._has_begun else [self.status, [[*pair] for pair in self.headers]]
        self._has_begun = True
        body = message.get("body", b"")
        if head is not None or body:
            await self._send_part(head, body)

    def whole(self) -> Done:
        """Give how it ended, and its status in the log; or the answer that has no piece."""
        return ([not self._is_broken, self.status], ()) if self._has_begun else super().whole()

    def refuse(self, error: Exception, fail: Callable[[BaseException, str], errors.Failure], request_id: str) -> None:
        """Break off what has begun."""
        if not self._has_begun:
            super().refuse(error, fail, request_id)
            return
        fail(error, request_id)  # it logs what is our fault
        self._is_broken = True
