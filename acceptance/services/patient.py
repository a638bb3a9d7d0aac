"""Wait for files to appear, so that a case decides what happens when.

The environment says what to wait for: WAIT_FOR before it is ready, FAIL to fail in `__init__`.
"""

import os
import time
from pathlib import Path

import bentoml


def wait_for(name: str) -> None:
    """Block this thread until a file of the working folder is there."""
    while not Path(name).exists():
        time.sleep(0.01)


@bentoml.service(name="patient")
class Patient:
    """Wait."""

    def __init__(self) -> None:
        with Path("made.txt").open("a") as file:
            file.write(f"{os.getpid()}\n")
        if "FAIL" in os.environ:
            raise RuntimeError("the weights are missing")
        if "WAIT_FOR" in os.environ:
            wait_for(os.environ["WAIT_FOR"])

    @bentoml.api
    def slow(self, name: str) -> str:
        Path(f"{name}.begun").touch()
        wait_for(name)
        return name

    @bentoml.api
    def fast(self, x: int) -> int:
        return x


any_name = Patient
