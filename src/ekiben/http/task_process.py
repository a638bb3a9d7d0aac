"""Be the process that runs a service's tasks; only a server starts it.

In: the number of an inherited socket; on it who the service is, then requests as they came. Out: answers, encoded.
Usage: python -m ekiben.http.task_process NUMBER
"""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ekiben.core import log
from ekiben.core.context import Context
from ekiben.core.errors import Unavailable
from ekiben.core.paths import use_home
from ekiben.core.spec import BoundService, Limits, Style
from ekiben.engine.messages import Call, told
from ekiben.engine.tasks import origin
from ekiben.engine.tasks.child import Child, Done
from ekiben.engine.tasks.folder import SPILL
from ekiben.http import answer, errors
from ekiben.http.body import Reader
from ekiben.http.exchange import Message, checked
from ekiben.http.tasks import again, failed
from ekiben.schema.codec import plan


class HttpFront:
    """Reads requests and writes answers as the server's own endpoints do."""

    def __init__(self, bound: BoundService) -> None:
        spec = bound.spec
        self._fail = errors.plan(spec.style)
        self._codecs = {e.name: plan(bound.signatures[e.name], spec.style) for e in spec.endpoints if e.task}
        self._readers = {name: Reader(codec, spec.limits) for name, codec in self._codecs.items()}
        self._accepts = ""

    async def read(self, endpoint: str, head: Mapping[str, Any], body: bytes, context: Context) -> Call:
        """Decode a request."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head["headers"]]
        found = dict(headers)
        self._accepts = found.get(b"accept", b"").decode("latin-1")
        args, kwargs = await self._readers[endpoint].read(found, again(body), lambda: context)
        scope = {
            "type": "http",
            "method": head["method"],
            "path": head["path"],
            "query_string": head["query"].encode("latin-1"),
            "headers": headers,
        }
        context.request = Request(scope, again(body))
        return Call(endpoint, args, kwargs, context, deadline=context.deadline)

    async def write(self, call: Call, value: Any, place: str) -> Done:
        """Encode what the method gave."""
        assert call.context is not None
        response = call.context.response
        if isinstance(value, Response):
            made = await collected(value)
            made.headers += answer.checked(response.headers.items())
            made.headers += [answer.cookie_header(cookie) for cookie in response.cookies]
        else:
            made = answer.encoded(self._codecs[call.endpoint].encoder_for(self._accepts)(value), response)
        return Done(made.status, texts(made.headers), kept(made.body, Path(place)))

    def fail(self, call: Call | None, error: BaseException, task: str) -> Done:
        """Say what went wrong, as the server would."""
        found = failed(self._fail, told(error), task)
        assert isinstance(found.body, bytes)
        return Done(found.status, list(found.headers), found.body, found.error)


async def collected(response: Response) -> answer.Answer:
    """Run a response of Starlette's to its end, and keep what it sends."""
    made, pieces = answer.Answer(200), []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            made.status = message["status"]
            given = checked(made.status, list(message.get("headers", ())))
            made.headers = [each for each in given if each[0].decode().lower() not in answer.OURS]
        else:
            pieces.append(message.get("body", b""))

    forever = asyncio.get_running_loop().create_future()
    await response({"type": "http", "method": "GET", "headers": []}, lambda: forever, send)
    made.body = b"".join(pieces)
    return made


def texts(headers: list[answer.Header]) -> list[tuple[str, str]]:
    """Give headers as text."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def kept(body: bytes | Path, place: Path) -> bytes | None:
    """Write a file or a large body to its place; give one that is small.

    Raises:
        Unavailable: the disk does not take it.
    """
    if isinstance(body, bytes) and len(body) < SPILL:
        return body
    try:
        handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            if isinstance(body, Path):
                with body.open("rb") as source:
                    shutil.copyfileobj(source, file)
            else:
                file.write(body)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        place.unlink(missing_ok=True)  # the disk may be full, and the server has yet to write down how this ended
        raise Unavailable(f"the answer of the task cannot be kept: {error.strerror}") from error
    return None


def main(number: int) -> None:
    """Serve tasks until the server's end of the socket closes."""
    os.set_inheritable(number, False)
    with socket.socket(fileno=number) as sock:
        child = Child(sock)
        first = child.listen()
        if first is None:
            return
        hello = first.head
        if hello["log"] is not None:
            log.set_up(**hello["log"])
        sys.path[:] = hello["path"]
        with use_home(hello["home"]):
            try:
                bound = origin.find(hello["origin"])
                spec = replace(
                    bound.spec,
                    style=Style(**hello["style"]),
                    limits=Limits(**hello["limits"]),
                    envs=tuple(hello["envs"]),
                )
                bound = replace(bound, spec=spec)
                child.live(bound, HttpFront(bound))
            except BrokenPipeError:  # the server is gone, and nobody hears us
                return
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the border; the user's code may raise anything
                child.fail(error)


if __name__ == "__main__":
    main(int(sys.argv[1]))
