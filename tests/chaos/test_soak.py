"""Under every kind of client, and with its workers killed, a server gives no wrong answer and loses nothing.

`make test-chaos` is the short form, a minute in all; `make chaos` (CHAOS_SECONDS=1800) the long one.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos import traffic, tree
from tests.servers import Running, serving

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
LONG = 1200.0  # seconds from which the growth of memory means something
LASTING = 0.6 * SECONDS if SECONDS >= LONG else 0.0  # of the test that looks at memory
SHARE = (SECONDS - LASTING) / 6  # of each other test
HERE = Path(__file__).resolve().parent

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(SECONDS + 180),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

WAYS = {
    "one process, asgi lane": ("--lane", "asgi"),
    "one process, fast lane": ("--lane", "fast"),
    "two replicas": ("--workers", "2", "--layout", "replicas"),
    "two workers apart": ("--workers", "2", "--layout", "apart"),
}
SEVERAL = {way: words for way, words in WAYS.items() if "--workers" in words}


@contextmanager
def tormented(folder: Path, words: tuple[str, ...]) -> Iterator[tuple[Running, Callable[[], tree.Held]]]:
    """Serve; say how to look at what the server holds."""
    scratch = folder / "tmp"
    scratch.mkdir()
    env = {"TMPDIR": str(scratch), "EKIBEN_HOME": str(folder / "home")}
    with serving("soaked:Soaked", "--working-dir", str(HERE), "--no-access-log", *words, env=env) as server:
        asyncio.run(traffic.soak(server.port, 1.0, floods=1, seed=1))  # threads and pools that are made on first use
        yield server, lambda: tree.held(server.pid, scratch)


def quiet(look: Callable[[], tree.Held]) -> tree.Held:
    """Look until a server holds the same twice, half a second apart."""
    found = look()
    while True:
        time.sleep(0.5)
        again = look()
        if again == found:
            return found
        found = again


@pytest.mark.parametrize("words", [pytest.param(words, id=way) for way, words in WAYS.items()])
def test_soak(words: tuple[str, ...], tmp_path: Path) -> None:
    """No answer is wrong, none is missing, and nothing is held that was not held before."""
    with tormented(tmp_path, words) as (server, look):
        server.http.close()
        before = quiet(look)
        memory = tree.memory(server.pid)
        tally = asyncio.run(traffic.soak(server.port, SHARE, floods=max(1, int(SHARE // 10)), seed=2))
        assert tally.wrong == []
        assert tally.lost == 0
        assert tally.right > SHARE * 20
        assert tree.settled(look, before) == {}
        assert tree.memory(server.pid) < 1.5 * memory + 50_000_000


@pytest.mark.parametrize("words", [pytest.param(words, id=way) for way, words in SEVERAL.items()])
def test_killed_workers(words: tuple[str, ...], tmp_path: Path) -> None:
    """A killed worker costs the calls that it had, and is replaced; no answer is wrong."""
    with tormented(tmp_path, words) as (server, look):
        server.http.close()
        before = quiet(look)
        clients, kills = 16, max(2, int(SHARE // 15))  # apart by more than what counts as a crash loop
        tally, killed = asyncio.run(soak_and_kill(server.pid, server.port, clients, kills))
        assert tally.wrong == []
        assert killed > 0
        assert tally.lost <= killed * (clients + 1)
        assert tally.right > SHARE * 10
        assert tree.settled(look, before) == {}
        assert tree.zombies(server.pid) == []


async def soak_and_kill(root: int, port: int, clients: int, kills: int) -> tuple[traffic.Tally, int]:
    """Load, and kill a worker every now and then, once the one before was replaced; say how many."""
    load = asyncio.create_task(traffic.soak(port, SHARE, clients=clients, troubles=2, floods=0, seed=3))
    whole, killed = len(tree.members(root)), 0
    while killed < kills:
        await asyncio.sleep(SHARE / (kills + 1))
        while not load.done() and (len(tree.members(root)) < whole or not await traffic.is_ready(port)):
            await asyncio.sleep(0.1)
        if load.done():
            break
        workers = [pid for pid in tree.members(root) if pid != root]
        os.kill(workers[killed % len(workers)], signal.SIGKILL)
        killed += 1
    return await load, killed


@pytest.mark.skipif(SECONDS < LONG, reason="memory grows too slowly to be seen within a minute: `make chaos`")
def test_memory_stays(tmp_path: Path) -> None:
    """After five minutes memory grows by less than two percent in half an hour."""
    with tormented(tmp_path, WAYS["one process, fast lane"]) as (server, _):
        server.http.close()
        asyncio.run(traffic.soak(server.port, 300.0, floods=5, seed=4))
        first, begun = tree.memory(server.pid), time.monotonic()
        tally = asyncio.run(traffic.soak(server.port, LASTING - 300.0, floods=5, seed=5))
        growth = (tree.memory(server.pid) - first) / first
        assert tally.wrong == []
        assert growth * 1800.0 / (time.monotonic() - begun) < 0.02
