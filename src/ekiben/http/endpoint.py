"""Answer one endpoint's requests: read, submit, encode, send.

In: an endpoint, its codec and the engine's `submit`, once at start. Out: a handler that does on each request only what
depends on it. Files that came with a call live until its answer was sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ekiben.core.context import Context
from ekiben.core.spec import EndpointSpec, Limits
from ekiben.engine.messages import Call
from ekiben.http import answer, deadline, errors, url
from ekiben.http.exchange import OUTCOME, Exchange, Message, Outcome, Receive, Scope, Send
from ekiben.http.origin import Guard
from ekiben.http.stream import Fail, Sender
from ekiben.http.watch import Watch
from ekiben.schema.codec import Codec
from ekiben.schema.content import Encoded

Handler = Callable[[Scope, Receive, Send, Exchange], Awaitable[None]]
Respond = Callable[[Any, Context | None, Exchange, Scope, Receive, Send], Awaitable[None]]
Submit = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Service:
    """What all endpoints of one app share."""

    submit: Submit
    limits: Limits
    gzip_min: int | None
    guard: Guard  # against pages of other origins
    watch: Watch  # for clients that leave
    state: MutableMapping[str, Any]  # `ctx.state`
    fail: Fail = field(default_factory=errors.plan)  # an error into an answer


class Recorder:
    """Keeps what a body was made of, so that `ctx.request` can read it again."""

    __slots__ = ("_messages", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []

    async def record(self) -> Message:
        """Receive, and keep the message."""
        message = await self._receive()
        self._messages.append(message)
        return message

    async def again(self) -> Message:
        """Give what was received, then go on receiving."""
        return self._messages.pop(0) if self._messages else await self._receive()


def plan(endpoint: EndpointSpec, codec: Codec, service: Service, *, wants_context: bool) -> Handler:
    """Settle at start all that does not depend on the request.

    Args:
        endpoint: what is called.
        codec: how its arguments are read and its answers written.
        service: what all endpoints share.
        wants_context: the method takes a `Context`, so that each call gets one.
    """
    read_arguments, respond = url.plan(codec, service.limits), responder(endpoint, codec, service)
    name, submit, watch, state = endpoint.name, service.submit, service.watch, service.state

    async def handle(scope: Scope, receive: Receive, send: Send, seen: Exchange) -> None:
        headers = seen.headers
        before: Outcome | None = scope.get(OUTCOME)
        if b"origin" in headers or b"sec-fetch-site" in headers:
            service.guard.check(scope, headers)
        context: Context | None = None if before is None else before.context

        def opened() -> Context:
            nonlocal context
            if context is None:
                context = Context(state=state, request_id=seen.request_id)
            return context

        incoming = receive
        if wants_context:
            recorder = Recorder(receive)
            incoming = recorder.record
            opened().request = Request(scope, recorder.again)
        try:
            if before is not None:
                await respond(before.value(), context, seen, scope, receive, send)
                return
            due = deadline.read(headers) if deadline.FIELD in headers else None
            args, kwargs = await read_arguments(scope, headers, incoming, opened)
            call = submit(Call(name, args, kwargs, context, deadline=due))
            if endpoint.stream:
                await watch.over(through(call, respond, context, seen, scope, receive, send), receive)
            else:
                await respond(await watch.over(call, receive), context, seen, scope, receive, send)
        finally:
            if context is not None:
                context.close()

    return handle


def encoder(codec: Codec) -> Callable[[Any, bytes], Awaitable[Encoded]]:
    """Settle how answers are encoded; pictures leave the event loop to be drawn."""
    has_choice = len(codec.encoders) > 1
    is_slow = codec.output_leaf is not None and codec.output_leaf.kind == "image"

    async def encode(value: Any, accepted: bytes) -> Encoded:
        if isinstance(value, Encoded):  # in the fast lane
            return value
        write = codec.encoder_for(accepted.decode("latin-1")) if has_choice else codec.encode
        return await asyncio.to_thread(write, value) if is_slow else write(value)

    return encode


def responder(endpoint: EndpointSpec, codec: Codec, service: Service) -> Respond:
    """Settle how the values of one endpoint are sent."""
    encode = encoder(codec)
    has_choice = len(codec.encoders) > 1  # `accept` chooses among several forms of an answer
    sender = None if codec.pieces is None else Sender(codec.pieces, service.fail, endpoint.heartbeat)

    async def respond(
        value: Any, context: Context | None, seen: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        headers, is_head = seen.headers, scope["method"] == "HEAD"
        response = None if context is None else context.response
        if sender is not None:
            await sender.send(value, seen, send, response, head=is_head)
            return
        if isinstance(value, Response):
            await pass_through(value, response, scope, receive, send)
            return
        made = answer.encoded(await encode(value, headers.get(b"accept", b"")), response)
        if has_choice:
            made.headers.append((b"vary", b"accept"))
        accepts = headers.get(b"accept-encoding", b"")
        await answer.send(made, send, head=is_head, accepts=accepts, gzip_min=service.gzip_min)

    return respond


async def through(
    call: Awaitable[Any],
    respond: Respond,
    context: Context | None,
    seen: Exchange,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Answer a call that streams: its client is watched until the last piece was sent."""
    await respond(await call, context, seen, scope, receive, send)


async def pass_through(value: Response, response: Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a response that the method made, with what its context adds."""
    if response is not None:
        value.raw_headers += answer.checked(response.headers.items())
        value.raw_headers += [answer.cookie_header(cookie) for cookie in response.cookies]
    await value(scope, receive, send)
