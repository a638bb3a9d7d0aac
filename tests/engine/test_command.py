"""A command is kept running, ends with whoever started it, and leaves nobody behind."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.engine.command import Command, Patience, check_program, environment, told
from tests.servers import HOST, free_port

SERVER = str(Path(__file__).parent.parent / "http" / "foreign_server.py")
QUICK = Patience(look=0.02, first=0.02, most=0.05, ends=3, grace=0.3)
CALM = Patience(look=0.02, first=0.02, most=0.05, ends=3, grace=30.0)


@asynccontextmanager
async def commanded(*words: str, patience: Patience = CALM) -> AsyncIterator[tuple[Command, list[BaseException]]]:
    """Start the test server as a command; give it, and what it fails with."""
    port, failures = free_port(), list[BaseException]()
    command = Command([sys.executable, SERVER, str(port), *words], port, Path.cwd(), patience)
    await command.start(failures.append)
    try:
        yield command, failures
    finally:
        await command.stop()


def members(group: int) -> list[int]:
    """List the living processes of a group."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, _, owner = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(owner) == group and state != "Z":
            found.append(int(name))
    return found


async def until(is_so: object, what: str) -> None:
    """Wait until a condition holds."""
    assert callable(is_so)
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("words", [(), ("children",)], ids=["alone", "with a child"])
async def test_a_life(words: tuple[str, ...]) -> None:
    """It is ready once its port answers; afterwards nobody of its group is left, what it started included."""
    async with commanded(*words) as (command, failures):
        assert command.is_ready
        assert command.pid is not None
        group = command.pid
        assert len(members(group)) == 1 + len(words)
        assert os.getpgid(group) == group != os.getpgid(0)
    assert not command.is_ready
    assert command.pid is None
    await until(lambda: members(group) == [], "somebody is left")
    assert failures == []


async def test_deaf_to_sigterm(caplog: pytest.LogCaptureFixture) -> None:
    """A command that does not end at SIGTERM is killed after the grace."""
    async with commanded("ignore", patience=QUICK) as (command, _):
        group = command.pid
    assert group is not None
    await until(lambda: members(group) == [], "it is left")
    assert "did not end 0.3 seconds after SIGTERM and is killed" in caplog.text


async def test_it_is_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """One that ends unasked is started again, and is not ready meanwhile."""
    async with commanded("children") as (command, failures):
        first = command.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: command.pid != first and command.is_ready, "it did not come back")
        assert members(first) == []  # its child is gone, too
        assert failures == []
    assert "ended by SIGKILL; it is started again in 0.02 s" in caplog.text


async def test_one_that_ends_again_and_again() -> None:
    """Too many ends in a short time are a failure that says how often and how it ended, and it is not started again."""
    async with commanded() as (command, failures):
        for _ in range(QUICK.ends):
            await until(lambda: command.is_ready, "it did not come back")
            assert command.pid is not None
            before = command.pid
            os.kill(before, signal.SIGKILL)
            await until(lambda: failures or command.pid != before, "nobody noticed")  # noqa: B023 - run at once
        assert [type(each) for each in failures] == [ServiceLoadError]
        assert "ended 3 times in 60 s, at last: ended by SIGKILL" in str(failures[0])
        assert not command.is_ready


async def test_it_ends_before_its_port_answers(tmp_path: Path) -> None:
    """One that ends at once fails the start, with its status."""
    command = Command([sys.executable, "-c", "raise SystemExit(9)"], free_port(), tmp_path, QUICK)
    with pytest.raises(ServiceLoadError, match=r"ended before port \d+ answered: exit status 9"):
        await command.start(None)
    await command.stop()
    assert command.pid is None


async def test_a_start_that_is_canceled(tmp_path: Path) -> None:
    """A stop while its port does not answer yet ends it."""
    command = Command([sys.executable, "-c", "import time; time.sleep(600)"], free_port(), tmp_path, CALM)
    start = asyncio.create_task(command.start(None))
    await until(lambda: command.pid is not None, "it did not start")
    group = command.pid
    assert group is not None
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    await until(lambda: members(group) == [], "it is left")


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Where something listens already nothing is started: requests would go to a stranger."""
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        command = Command([sys.executable, SERVER, str(port)], port, tmp_path)
        with pytest.raises(ConfigError, match=f"`http.proxy_port` must be free .* something listens there: {port}"):
            await command.start(None)
        assert command.pid is None


async def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    """Words arrive as they are, in the folder; nothing is expanded or split."""
    code = "import os, pathlib, sys; pathlib.Path('told').write_text('|'.join(sys.argv[1:])); os._exit(1)"
    command = Command([sys.executable, "-c", code, "$HOME; touch evil", "*"], free_port(), tmp_path, QUICK)
    with pytest.raises(ServiceLoadError):
        await command.start(None)
    assert (tmp_path / "told").read_text() == "$HOME; touch evil|*"
    assert [each.name for each in tmp_path.iterdir()] == ["told"]


def test_programs(tmp_path: Path) -> None:
    """A name is looked for beside our Python first, a path in the folder; what is not there is refused."""
    check_program("python", tmp_path, environment())
    assert environment()["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    with pytest.raises(ConfigError, match="must be a program on the PATH: 'no-such-program'"):
        check_program("no-such-program", tmp_path, environment())
    with pytest.raises(ConfigError, match=r"must be a program in .*: './serve.sh'"):
        check_program("./serve.sh", tmp_path, environment())
    (tmp_path / "serve.sh").write_text("#!/bin/sh\n")
    (tmp_path / "serve.sh").chmod(0o755)
    check_program("./serve.sh", tmp_path, environment())


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "exit status 0"), (3, "exit status 3"), (-9, "ended by SIGKILL"), (-99, "ended by signal 99")],
)
def test_told(status: int, words: str) -> None:
    """An end is told by its status or the name of its signal."""
    assert told(status) == words
