"""What tests of the command line share: a run in this process, its exit code and what it wrote."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ekiben.cli.front import FrontEnd
from ekiben.cli.main import EKIBEN, run


@dataclass(frozen=True, slots=True)
class Ran:
    """One command that has ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def ekiben(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command line in this process."""

    def command(*words: str, front: FrontEnd = EKIBEN) -> Ran:
        capsys.readouterr()
        code = run(front, words)
        return Ran(code, *capsys.readouterr())

    return command
