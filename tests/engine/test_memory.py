"""A server keeps the memory that a call gave back for the next one, unless its user has settled that."""

import subprocess
import sys

import pytest

from ekiben.engine import memory

PROGRAM = """
import sys
from resource import RUSAGE_SELF, getrusage

from ekiben.engine.memory import keep_freed

SIZE, TIMES = 100_000, 200  # less than glibc asks of the system at once: it lies in the heap


def faults() -> int:
    return getrusage(RUSAGE_SELF).ru_minflt


def work() -> int:
    before = faults()
    for _ in range(TIMES):
        pieces = [bytearray(b"x") * SIZE for _ in range(10)]
        del pieces
    return faults() - before


print(keep_freed(), work())
"""


def run(**variables: str) -> tuple[bool, int]:
    """Say whether memory is kept, and how many new pages the same work took 200 times."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=True, timeout=60
    )
    kept, faults = done.stdout.split()
    return kept == "True", int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has these options")
def test_freed_memory_is_kept() -> None:
    """The second and every later megabyte is laid into pages that are there already."""
    kept, faults = run()
    assert kept
    assert faults < 2_000  # new pages each time would be more than 30 000


@pytest.mark.parametrize("name", memory.THEIRS)
def test_what_the_user_settled_stays(name: str) -> None:
    """Whoever sets one of glibc's variables gets what they say."""
    assert memory.keep_freed({name: "1"}) is False
