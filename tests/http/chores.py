"""A service of tasks in every way, for the tests of tasks; what they do is seen in the folder CHORES."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from starlette.responses import Response

import ekiben
from ekiben.exceptions import InvalidInput, Unprocessable
from ekiben.validators import ContentType


def note(word: str) -> None:
    """Write a line that says what happened, and in which process."""
    with (Path(os.environ["CHORES"]) / "notes").open("a") as file:
        file.write(f"{word} {os.getpid()}\n")


def wait_for(name: str) -> None:
    """Wait until a test makes a file; every test has a timeout."""
    while not (Path(os.environ["CHORES"]) / name).exists():
        time.sleep(0.005)


@ekiben.service(name="chores", tasks={"grace": 1, "max_pending": 5}, traffic={"timeout": 30})
class Chores:
    """Does chores."""

    def __init__(self) -> None:
        note("made")
        self.calls = 0

    @ekiben.on_shutdown
    def leave(self) -> None:
        note("left")

    @ekiben.task
    def add(self, a: int, b: int = 1) -> dict[str, int]:
        """Add two numbers."""
        self.calls += 1
        note("add")
        return {"sum": a + b, "calls": self.calls, "pid": os.getpid()}

    @ekiben.task(max_attempts=2)
    def hold(self, name: str, ctx: ekiben.Context) -> str:
        """Wait until a file is there."""
        ctx.progress(0.25, "waiting")
        note(f"begun-{name}")
        try:
            wait_for(name)
        except KeyboardInterrupt:
            note("interrupted")
            raise
        ctx.progress(1.0)
        note(f"ended-{name}")
        return f"{name} in {ctx.request_id}"

    @ekiben.task
    def stubborn(self) -> str:
        """Never end."""
        note("begun-stubborn")
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                note("deaf")

    @ekiben.task
    async def doze(self) -> str:
        """Wait on the event loop."""
        note("begun-doze")
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            note("cancelled")
            raise
        return "awake"

    @ekiben.task(timeout=0.2)
    def late(self) -> str:
        """Take too long."""
        note("begun-late")
        time.sleep(600)
        return "late"

    @ekiben.task(max_attempts=2)
    def die(self) -> None:
        """Kill this process."""
        note("dying")
        os.kill(os.getpid(), 9)

    @ekiben.task(max_attempts=1)
    def fork(self) -> None:
        """Fork a process that holds everything open, and die."""
        if os.fork() == 0:
            note("forked")
            time.sleep(600)
            os._exit(0)
        wait_for("notes")
        os.kill(os.getpid(), 9)

    @ekiben.task
    def parent(self) -> None:
        """Start a process, and wait for it."""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(f"child-{child.pid}")
        note("started")
        child.wait()

    @ekiben.task
    def fail(self, how: str) -> str:
        """Raise."""
        raise {
            "ours": Unprocessable("no face in the picture"),
            "value": InvalidInput("`how` must be kind: 'value'", hint="be kind"),
            "bug": ValueError("the password is 12345"),
            "exit": SystemExit(3),
            "keyboard": KeyboardInterrupt(),
        }[how]

    @ekiben.task
    def scale(self, x: np.ndarray, /) -> np.ndarray:
        """Double an array."""
        return x * 2

    @ekiben.task
    def keep(self, file: Path, note: str = "") -> Path:
        """Give a file back."""
        return file

    @ekiben.task
    def write(self, size: int) -> Annotated[bytes, ContentType("application/x-zeros")]:
        """Give many bytes."""
        return b"\0" * size

    @ekiben.task
    def tell(self, ctx: ekiben.Context) -> dict[str, Any]:
        """Say what was asked, and set a header."""
        ctx.response.headers["x-chore"] = "done"
        ctx.response.set_cookie("chore", "done")
        ctx.response.status_code = 201
        return {"headers": dict(ctx.request.headers), "query": dict(ctx.request.query_params), "id": ctx.request_id}

    @ekiben.task
    def passed(self) -> Any:
        """Give a response of Starlette's."""
        return Response(b"raw", 203, media_type="application/x-own")

    @ekiben.api
    def plain(self) -> str:
        """Be no task."""
        return f"plain in {os.getpid()}"
