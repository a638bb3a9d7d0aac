"""A service whose calls and start take as long as the test says, by files that it waits for."""

import asyncio
import os
import time
from pathlib import Path

import ekiben

FOLDER = Path(os.environ.get("SLOW_FOLDER", "."))


def wait_for(name: str) -> None:
    while not (FOLDER / name).exists():
        time.sleep(0.01)


@ekiben.service(name="slow")
class Slow:
    """Waits for files."""

    def __init__(self) -> None:
        (FOLDER / "init-began").touch()
        if (FOLDER / "fail").exists():
            raise RuntimeError("no weights")
        if (FOLDER / "hold-init").exists():
            wait_for("go-init")

    @ekiben.api
    def sync(self, name: str) -> str:
        """Wait in the model's thread."""
        (FOLDER / f"{name}-began").touch()
        wait_for(name)
        return name

    @ekiben.api
    def quick(self) -> str:
        """Answer at once."""
        return "quick"

    @ekiben.on_shutdown
    def note_the_end(self) -> None:
        (FOLDER / "ended").touch()


@ekiben.service(name="patient")
class Patient:
    """Waits on the event loop."""

    @ekiben.api
    async def wait(self) -> str:
        """Wait until cancelled; note that."""
        (FOLDER / "wait-began").touch()
        try:
            await asyncio.Event().wait()
        finally:
            (FOLDER / "wait-ended").touch()
        return ""
