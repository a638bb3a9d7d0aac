"""A task's process is used as long as it is sound, and is gone when it is not."""

import asyncio
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import BoundService, ServiceSpec
from ekiben.engine.tasks import origin
from ekiben.engine.tasks.owner import Owner
from ekiben.engine.tasks.process import TaskProcess
from ekiben.engine.tasks.record import Request
from ekiben.services.load import load
from tests.http.tasking import is_alive

HEAD = {"task": "t", "endpoint": "e", "place": "/nowhere", "limit": None}

SPEAKING = """
import json, os, pickle, socket, struct, sys, time
sock = socket.socket(fileno=int(sys.argv[1]))
def read():
    head, body = struct.unpack(">IQ", sock.recv(12, socket.MSG_WAITALL))
    return json.loads(sock.recv(head, socket.MSG_WAITALL))
def say(**head):
    text = json.dumps(head).encode()
    sock.sendall(struct.pack(">IQ", len(text), 0) + text)
"""


def process(tmp_path: Path, code: str) -> TaskProcess:
    """Make a process of a few lines."""
    script = tmp_path / "script.py"
    script.write_text(SPEAKING + textwrap.dedent(code))
    return TaskProcess([sys.executable, str(script)], {"hello": 1})


async def refused(made: TaskProcess) -> str:
    with pytest.raises(ServiceLoadError) as caught:
        await made.start()
    assert made.pid is None
    return str(caught.value)


async def test_a_process_that_ends(tmp_path: Path) -> None:
    """One that ends before it is ready is told by how it ended."""
    assert (
        await refused(process(tmp_path, "sys.exit(3)"))
        == "the process of a task ended with exit code 3 before it was ready"
    )
    killed = await refused(process(tmp_path, "os.kill(os.getpid(), 9)"))
    assert killed == "the process of a task was killed by SIGKILL before it was ready"


async def test_a_process_that_fails(tmp_path: Path) -> None:
    """One that cannot make the service says why."""
    assert await refused(process(tmp_path, "say(say='failed', words='no model')")) == "no model"


async def test_no_interpreter(tmp_path: Path) -> None:
    """A command that cannot be run is told as that."""
    found = await refused_command([str(tmp_path / "nothing")])
    assert found == "the process of a task cannot start: No such file or directory"


async def refused_command(command: list[str]) -> str:
    with pytest.raises(ServiceLoadError) as caught:
        await TaskProcess(command, {}).start()
    return str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("sock.sendall(pickle.dumps({'say': 'done'}) + bytes(100)); time.sleep(600)", id="a pickle"),
        pytest.param("sock.sendall(os.urandom(5000)); time.sleep(600)", id="noise"),
        pytest.param("sock.close()", id="an end"),
    ],
)
async def test_a_process_that_garbles(tmp_path: Path, code: str) -> None:
    """What is no frame ends the process, and the run has no answer."""
    made = process(tmp_path, f"read(); say(say='ready'); read(); {code}")
    await made.start()
    pid = made.pid
    outcome = await made.run(Request({}), HEAD, lambda *_: None)
    assert (outcome.answer, made.pid) == (None, None)
    assert outcome.reason
    assert pid is not None
    assert not is_alive(pid)


async def test_an_interrupt_before_the_run(tmp_path: Path) -> None:
    """One that still starts is killed at once: no method of the user's runs in it."""
    made = process(tmp_path, "time.sleep(600)")
    starting = asyncio.ensure_future(refused(made))
    while made.pid is None:
        await asyncio.sleep(0.01)
    made.interrupt(60)
    assert "killed by SIGKILL" in await starting


async def test_a_process_is_a_group(tmp_path: Path) -> None:
    """Its children end with it, also when it ends in order, and Ctrl-C does not reach it."""
    made = process(
        tmp_path,
        """
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        read()
        say(say="ready", child=child.pid)
        read()
        say(say="progress", fraction=0.5, words=str(child.pid))
        """,
    )
    await made.start()
    assert made.pid is not None
    assert os.getpgid(made.pid) == made.pid != os.getpgid(0)
    told: list[Any] = []
    await made.run(Request({}), HEAD, lambda *found: told.append(found))
    ((_, child),) = told
    while is_alive(int(child)):
        await asyncio.sleep(0.01)


def test_owners(tmp_path: Path) -> None:
    """A server is known to live as long as its lock, and not a moment longer."""
    one, two = Owner(tmp_path), Owner(tmp_path)
    assert one.is_alive(one.name)
    assert one.is_alive(two.name)
    two.close()
    assert not one.is_alive(two.name)
    assert not one.is_alive("0" * 24)
    (tmp_path / "dead.lock").touch()
    assert not one.is_alive("dead")
    assert [path.name for path in tmp_path.iterdir()] == [f"{one.name}.lock"]
    one.close()


class TestOrigin:
    """Where a service's class stands is written down, so that a fresh interpreter finds it."""

    def test_there_and_back(self) -> None:
        bound = load("tests.http.chores:Chores")
        place = origin.describe(bound)
        assert (place["module"], place["name"]) == ("tests.http.chores", "Chores")
        assert origin.find(place).spec.name == "chores"

    def test_by_a_file(self, tmp_path: Path) -> None:
        """A module that no import finds is loaded from its file, whatever its name is."""
        (tmp_path / "http.py").write_text(
            "import ekiben\n@ekiben.service\nclass Odd:\n    @ekiben.task\n    def x(self) -> int:\n        return 1\n"
        )
        place = origin.describe(load(f"{tmp_path / 'http.py'}:Odd"))
        assert origin.find(place).spec.name == "Odd"
        assert origin.find({**place, "module": "__main__"}).spec.name == "Odd"

    @pytest.mark.parametrize("name", [None, "tests.x:make.<locals>.Chores"])
    def test_nowhere(self, name: str | None) -> None:
        """A class that no other process can import is refused, with what to do."""
        bound = BoundService(ServiceSpec("lost"), lambda _: None, origin=name)
        with pytest.raises(
            ConfigError, match="tasks run in a process of their own, which cannot import `lost`"
        ) as caught:
            origin.describe(bound)
        assert caught.value.hint == "write the class at the top of a file, and serve it from there"

    def test_gone(self) -> None:
        """A class that is not there when the file is imported afresh is named."""
        with pytest.raises(ServiceLoadError, match=r"`tests\.http\.chores` has no `Gone`"):
            origin.find({"module": "tests.http.chores", "file": None, "name": "Gone"})
