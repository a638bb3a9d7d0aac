"""A service can be served from a script or a notebook, and leaves nothing behind."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServiceLoadError, Unavailable
from tests.tools.test_testing import Burnt, Diary, Kitchen


@pytest.fixture(autouse=True)
def _empty_diary() -> None:
    Diary.events.clear()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("ekiben-Kitchen")}


def test_a_block() -> None:
    """Within the block the service answers on a real port, after it nothing is left of it."""
    with ekiben.serve(Kitchen) as server:
        assert server.is_running
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        with server.client() as client:
            assert client.double([1, 2]).tolist() == [2, 4]
        assert threads()
    assert not server.is_running
    assert threads() == set()
    assert Diary.events == ["made", "opened", "shut"]
    with pytest.raises(Unavailable), server.client() as client:
        client.double([1])


async def test_within_a_running_loop() -> None:
    """It works where a loop runs, as in a notebook, with an async client too."""
    with ekiben.serve(Kitchen) as server:
        async with server.async_client() as client:
            assert (await client.double([1, 2])).tolist() == [2, 4]


def test_without_a_block() -> None:
    """A server runs until it is stopped; stopping twice is no harm."""
    server = ekiben.serve(Kitchen)
    with server.client() as client:
        assert client.is_ready()
    server.stop()
    server.stop()
    assert "stopped server of Kitchen" in repr(server)
    with pytest.raises(ServiceLoadError, match="has stopped"), server:
        pytest.fail("it was entered")


def test_blocks_in_each_other() -> None:
    """The outermost block ends the server."""
    with ekiben.serve(Kitchen) as server:
        with server:
            assert server.is_running
        assert server.is_running
        with ekiben.serve(Kitchen) as other:
            assert other.port != server.port
    assert not server.is_running


def test_the_services_own_error() -> None:
    """A service that cannot start raises what it raised, and the port is free again."""
    with pytest.raises(ZeroDivisionError, match="the oven is off") as caught:
        ekiben.serve(Burnt)
    assert "the oven is off" in str(caught.traceback[-1].statement)
    assert threads() == set()


def test_a_port_in_use() -> None:
    """A port that is taken is a ConfigError."""
    with ekiben.serve(Kitchen) as server, pytest.raises(ConfigError, match="in use"):
        ekiben.serve(Kitchen, port=server.port or 0)


def test_signals_are_left_alone() -> None:
    """A server beside other code installs no signal handler."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with ekiben.serve(Kitchen):
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_arrays_keep_their_dtype() -> None:
    """Over a real socket an array goes and comes in binary."""
    with ekiben.serve(Kitchen) as server, server.client() as client:
        assert client.double(np.ones((2, 3), dtype="float32")).dtype == np.float32


def test_a_forgotten_server_ends_with_the_program(tmp_path: Path) -> None:
    """A program that stops no server still ends, in order."""
    script = tmp_path / "script.py"
    script.write_text(
        "import ekiben\n"
        "@ekiben.service\n"
        "class S:\n"
        "    @ekiben.on_shutdown\n"
        "    def bye(self): print('shut', flush=True)\n"
        "    @ekiben.api\n"
        "    def f(self) -> int: return 1\n"
        "server = ekiben.serve(S)\n"
        "print(server.client().f())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "1\nshut\n"), done.stderr


def test_several() -> None:
    """A list or a dict of services is served from one port; a client is of one of them."""
    with ekiben.serve({"a": Kitchen, "b": Kitchen}) as server:
        assert server.name == "a, b"
        with server.client("a") as one, server.client(service="b") as other:
            assert one.double([1]).tolist() == other.double([1]).tolist() == [2]
            assert one.url == f"{server.url}/a"
        with pytest.raises(ConfigError, match="`service` must name one of those that are served: None") as caught:
            server.client()
        assert caught.value.hint == "there is a, b"
        with pytest.raises(ConfigError, match="'c'"):
            server.async_client("c")
    with ekiben.serve(Kitchen) as server, server.client("Kitchen") as client:
        assert client.double([1]).tolist() == [2]
    with pytest.raises(ConfigError, match="two services would stand at /Kitchen"):
        ekiben.serve([Kitchen, Kitchen])
