"""Services that write a pickle to every socket of the process that they run in, for `test_pickles.py`."""

import os
import pickle
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import ekiben


class Touch:
    """Makes a file wherever it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (os.environ["ATTACKED"],)


def attack(name: str, framed: bool) -> int:
    """Write a pickle to every socket of this process; give their number.

    Args:
        name: of the file that says their number, as the answer may not arrive.
        framed: put its length before it, as frames have it.
    """
    data = pickle.dumps(Touch())
    message = len(data).to_bytes(4, "big") + data if framed else data
    places = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    sockets = [int(Path(place).name) for place in places if os.path.islink(place) and "socket:" in os.readlink(place)]
    (Path(os.environ["ATTACKED"]).parent / name).write_text(str(len(sockets)))
    for fd in sockets:
        with socket.socket(fileno=os.dup(fd)) as sock, suppress(OSError):  # one that listens takes nothing
            sock.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    return len(sockets)


async def attack_here(request: Request) -> PlainTextResponse:
    """Attack from the process that has HTTP."""
    return PlainTextResponse(str(attack("front", request.query_params["framed"] == "True")))


@ekiben.service
class Inner:
    """Is depended on."""

    @ekiben.api
    def attack(self, framed: bool) -> int:
        """Attack from here."""
        return attack("inner", framed)

    @ekiben.api
    def echo(self, x: int) -> int:
        """Answer."""
        return x


@ekiben.asgi_app(Starlette(routes=[Route("/attack", attack_here)]), path="/front")
@ekiben.service
class Outer:
    """Is served."""

    inner = ekiben.depends(Inner)

    @ekiben.api
    def attack(self, framed: bool) -> int:
        """Attack from here."""
        return attack("outer", framed)

    @ekiben.api
    def attack_inner(self, framed: bool) -> int:
        """Let the other attack."""
        return self.inner.attack(framed)

    @ekiben.api
    def echo(self, x: int) -> int:
        """Answer, by the other."""
        return self.inner.echo(x)

    @ekiben.task(max_attempts=1)
    def attack_task(self, framed: bool) -> int:
        """Attack from the process of a task."""
        return attack("task", framed)
