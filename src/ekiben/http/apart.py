"""Pass requests to workers as they came, and their answers back.

In: a request whose method, type, size and origin are fit. Out: what a worker answered, byte for byte.
Of the headers only those cross that the handler there reads, unless the method takes a context.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ekiben.core.running import running
from ekiben.core.spec import BoundService
from ekiben.engine.door import Door
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done
from ekiben.engine.limits import Admission
from ekiben.engine.local import Needs
from ekiben.engine.observe import BatchCounts
from ekiben.engine.wire import Buffer
from ekiben.http import deadline
from ekiben.http.body import check_length, read, settle
from ekiben.http.endpoint import Handler
from ekiben.http.exchange import OUTCOME, Exchange, Outcome, Receive, Scope, Send
from ekiben.http.origin import Guard
from ekiben.http.pass_on import Passing, give
from ekiben.http.stream import Fail
from ekiben.http.watch import Watch
from ekiben.schema.codec import Codec

READ = frozenset((b"content-type", b"content-encoding", b"content-length", b"accept", b"accept-encoding"))
URL = ("path", "raw_path", "query_string", "path_params")  # where arguments may stand
KEPT = ("method", *URL, "root_path", "scheme", "http_version", "client", "server")
FORM = "http"  # says in a call's head what kind it is
RELAYED = "relayed"  # the same of a request whose answer may come as status, media type and further lines


class Remote(Protocol):
    """What runs a service in other processes."""

    admission: Admission
    batches: dict[str, BatchCounts]

    @property
    def needs(self) -> Needs | None:
        """What runs the workers."""

    @property
    def has_started(self) -> bool:
        """Whether there were workers that take calls."""

    @property
    def is_ready(self) -> bool:
        """Whether a worker takes calls."""

    @property
    def waiting(self) -> int:
        """Calls that no worker has yet."""

    async def start(self) -> None:
        """Start the workers."""

    async def stop(self, drain: float = 0.0) -> None:
        """End them."""

    async def submit(
        self, endpoint: str, head: Any, buffers: Sequence[Buffer] = (), deadline: float | None = None
    ) -> Done:
        """Let a worker answer one call."""

    def stream(self, endpoint: str, head: Any, buffers: Sequence[Buffer], deadline: float | None) -> Incoming:
        """Let a worker answer one call piece by piece."""

    def door(self, endpoint: str) -> Door:
        """Give the way in for a job."""

    def roll(self) -> None:
        """Start all workers afresh."""

    async def ask(self, what: str) -> bool:
        """Ask the service's own health method of each worker."""


def plan(
    bound: BoundService, codecs: Mapping[str, Codec], guard: Guard, remote: Remote, fail: Fail
) -> dict[str, Handler]:
    """Make the front's handlers, by endpoint."""
    watch, most = Watch(), bound.spec.limits.max_body
    return {
        each.name: forward(
            each.name,
            codecs[each.name],
            Front(remote, guard, watch, most, fail),
            wants_context=bound.signatures[each.name].context is not None,
            is_traced=bound.spec.tracing is not None,
        )
        for each in bound.spec.endpoints
    }


@dataclass(frozen=True, slots=True)
class Front:
    """What all endpoints of one front share."""

    remote: Remote
    guard: Guard
    watch: Watch
    max_body: int  # bytes
    fail: Fail  # an error into an answer


def forward(name: str, codec: Codec, front: Front, *, wants_context: bool, is_traced: bool = False) -> Handler:
    """Settle at start how one endpoint's requests go to workers.

    Args:
        name: of the endpoint.
        codec: says which content types it reads.
        front: what all endpoints share.
        wants_context: the method reads the request, so that all of its head crosses.
        is_traced: the headers by which a worker joins the trace cross, too.
    """
    remote, watch, most = front.remote, front.watch, front.max_body
    passing = None if codec.pieces is None else Passing(codec.pieces, front.fail)
    kept = KEPT if wants_context else URL if codec.url is not None else ()
    known: set[bytes] = set()  # content types that were found fit

    async def handle(scope: Scope, receive: Receive, send: Send, seen: Exchange) -> None:
        headers = seen.headers
        before: Outcome | None = scope.get(OUTCOME)
        if before is not None:
            await give(before.value(), send)
            return
        if b"origin" in headers or b"sec-fetch-site" in headers:
            front.guard.check(scope, headers)
        declared = headers.get(b"content-type", b"")
        if declared and declared not in known:
            settle(declared.decode("latin-1"), codec)
            if len(known) < 100:
                known.add(declared)
        check_length(headers, most)
        body = await read(receive, most)
        crossing = [[*pair] for pair in scope["headers"] if wants_context or pair[0] in READ]
        if is_traced:
            crossing += [[key.encode(), value.encode()] for key, value in running().outgoing().items()]
        known_of = {key: plain(scope[key]) for key in kept if key in scope} if kept else None
        head = [FORM, scope["method"], crossing, seen.request_id, known_of]
        due = deadline.read(headers) if deadline.FIELD in headers else None
        if passing is None:
            await give(await watch.over(remote.submit(name, head, (body,), due), receive), send)
            return
        incoming = remote.stream(name, head, (body,), due)
        try:
            await watch.over(passing.send(incoming, seen, send), receive)
        finally:
            incoming.close()

    return handle


def plain(value: Any) -> Any:
    """Give a part of a scope as plain data."""
    return list(value) if isinstance(value, tuple) else value
