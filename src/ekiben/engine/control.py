"""Messages between a supervisor and its workers.

In: plain dicts. Out: frames over an inherited socket pair: four bytes of length, then JSON. Nothing is ever unpickled.
There are three kinds: `{"say": kind, …}`, `{"ask": kind, "id": n, …}` and the answer `{"answer": n, …}`, which holds
`error` where there is none. Both ends may say and ask.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from ekiben.core.errors import Unavailable

HEAD = struct.Struct(">I")
MOST = 64 * 1024 * 1024  # bytes of one message: a scrape of many thousand series
KINDS = {"say": str, "ask": str, "answer": int}

Message = Mapping[str, Any]
Answer = Callable[[Message], Awaitable[Message]]


def pack(message: Message) -> bytes:
    """Give the frame of a message; raises ValueError for one that is too long."""
    body = json.dumps(message).encode()
    if len(body) > MOST:
        raise ValueError(f"a control message must have at most {MOST} bytes: {len(body)}")
    return HEAD.pack(len(body)) + body


def size_of(head: bytes) -> int:
    """Read a frame's length; raises ValueError for one that nobody sends."""
    size: int = HEAD.unpack(head)[0]
    if size > MOST:
        raise ValueError(f"a control message must have at most {MOST} bytes: {size}")
    return size


def unpack(body: bytes) -> Message:
    """Read a frame's body; raises ValueError for anything that is no message."""
    try:
        found: Any = json.loads(body)
    except RecursionError as error:
        raise ValueError("a control message is nested too deep") from error
    kinds = [kind for kind in KINDS if kind in found] if isinstance(found, dict) else []
    if len(kinds) != 1 or type(found[kinds[0]]) is not KINDS[kinds[0]]:
        raise ValueError(f"a control message must say, ask or answer: {body[:80]!r}")
    if kinds == ["ask"] and type(found.get("id")) is not int:
        raise ValueError(f"a question must have an id: {body[:80]!r}")
    message: Message = found
    return message


async def read(reader: asyncio.StreamReader) -> Message | None:
    """Read the next message; None at the end, also where it comes amid a frame.

    Raises:
        ValueError: what was sent is no message.
    """
    try:
        return unpack(await reader.readexactly(size_of(await reader.readexactly(HEAD.size))))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def read_blocking(sock: socket.socket) -> Message | None:
    """Read the next message on a thread; None at the end. Raises ValueError as `read`."""
    head = exactly(sock, HEAD.size)
    body = None if head is None else exactly(sock, size_of(head))
    return None if body is None else unpack(body)


def exactly(sock: socket.socket, size: int) -> bytes | None:
    """Read *size* bytes; None where the other end closed before."""
    found = bytearray()
    while len(found) < size:
        try:
            piece = sock.recv(min(size - len(found), 65536))
        except ConnectionError:
            return None
        if not piece:
            return None
        found += piece
    return bytes(found)


class Dialog:
    """One end of a control socket; lives on an event loop.

    Args:
        send: writes a frame, without waiting.
        heard: is told what the other end says.
        answers: by kind of question; an answer may raise, and the asker gets the words.
    """

    def __init__(
        self, send: Callable[[bytes], None], heard: Callable[[Message], None], answers: Mapping[str, Answer]
    ) -> None:
        self._send = send
        self._heard = heard
        self._answers = answers
        self._ids = count()
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, kind: str, **values: Any) -> None:
        """Tell the other end something."""
        self._send(pack({**values, "say": kind}))

    async def ask(self, kind: str, timeout: float, **values: Any) -> Message:
        """Ask the other end.

        Raises:
            Unavailable: it did not answer in time, is gone, or answered with an error.
        """
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send(pack({**values, "ask": kind, "id": number}))
            async with asyncio.timeout(timeout):
                found: Message = await future
        except TimeoutError:
            raise Unavailable(f"no answer to `{kind}` within {timeout:g} seconds") from None
        finally:
            del self._waiting[number]
        if "error" in found:
            raise Unavailable(f"no answer to `{kind}`: {found['error']}")
        return found

    def receive(self, message: Message) -> None:
        """Take in one message; an answer that nobody waits for is passed over."""
        if "say" in message:
            self._heard(message)
        elif "ask" in message:
            task = asyncio.get_running_loop().create_task(self._answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            future = self._waiting.get(message["answer"])
            if future is not None and not future.done():
                future.set_result(message)

    def close(self) -> None:
        """Stop answering; whoever still waits is told."""
        for task in self._tasks:
            task.cancel()
        for future in self._waiting.values():
            if not future.done():
                future.set_result({"error": "the other end is gone"})

    async def _answer(self, message: Message) -> None:
        answer = self._answers.get(message["ask"])
        try:
            found = {"error": "unknown question"} if answer is None else await answer(message)
            frame = pack({**found, "answer": message["id"]})
        except Exception as error:  # noqa: BLE001 - a border: the asker is told
            frame = pack({"error": f"{type(error).__name__}: {error}", "answer": message["id"]})
        self._send(frame)
