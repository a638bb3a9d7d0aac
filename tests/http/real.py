"""Start a real server with any way to listen, and wait for what happens in it."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import Running, free_port, starting

ROOT = Path(__file__).parents[2]


@contextmanager
def server(target: str = "tests.http.calls:Calls", *, folder: Path | None = None, **listen: Any) -> Iterator[Running]:
    """Run a server with the fields of `Listen`."""
    port = listen.setdefault("port", free_port())
    command = [sys.executable, "-m", "tests.http.runs", target, json.dumps(listen)]
    env = {} if folder is None else {"SLOW_FOLDER": str(folder)}
    with starting(command, port, cwd=ROOT, env=env) as running:
        running.wait_for_log("listening on")
        yield running


def wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.01)


def in_background(function: Any) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(function()), daemon=True)
    thread.start()
    return thread, found
