"""Clients of class services give plain values, and wait for a server that is still starting."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.callers import seconds_to_wait
from bentoml.exceptions import ServiceUnavailable

SERVICE = '''
from collections.abc import Iterator
from pathlib import Path

import bentoml
import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BaseModel


class Found(bentoml.IODescriptor):
    """A record with an array in it."""

    name: str
    places: np.ndarray


@bentoml.service
class Giving:
    """Gives values of every kind."""

    @bentoml.api
    def array(self, x: np.ndarray) -> np.ndarray:
        """Give an array."""
        return x * 2

    @bentoml.api
    def frame(self) -> pd.DataFrame:
        """Give a table."""
        return pd.DataFrame({"a": [1, 2]})

    @bentoml.api
    def record(self) -> Found:
        """Give a record."""
        return Found(name="b", places=np.array([1.5, 2.5]))

    @bentoml.api
    def words(self) -> Iterator[str]:
        """Give words, one after the other."""
        yield "one "
        yield "two"

    @bentoml.api
    def text(self) -> str:
        """Give a text."""
        return "words"

    @bentoml.api
    def picture(self) -> Image.Image:
        """Give a picture."""
        return Image.new("L", (3, 2))

    @bentoml.api
    def file(self, ctx: bentoml.Context) -> Path:
        """Give a file."""
        (path := Path(ctx.temp_dir) / "told.txt").write_text("told")
        return path

    @bentoml.task
    def later(self) -> np.ndarray:
        """Give an array, later."""
        return np.array([7, 8])
'''


@pytest.fixture(scope="module")
def giving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Serve one of every kind."""
    folder = tmp_path_factory.mktemp("giving")
    (folder / "giving_service.py").write_text(SERVICE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(folder / "home"))
        patch.syspath_prepend(str(folder))
        with bentoml.serve("giving_service:Giving", port=0, host="127.0.0.1") as server:
            yield server


def test_values_are_plain(giving: Any) -> None:
    """Arrays and tables come as lists and objects, so that `==` and `json.dumps` work; the rest is as it was."""
    with bentoml.SyncHTTPClient(giving.url) as client:
        assert client.array(x=np.array([[1, 2], [3, 4]])) == [[2, 4], [6, 8]]
        assert client.call("array", x=[1.5, 2.5]) == [3.0, 5.0]
        assert client.frame() == [{"a": 1}, {"a": 2}]
        assert client.record() == {"name": "b", "places": [1.5, 2.5]}
        assert "".join(client.words()) == "one two"
        assert client.text() == "words"
        assert client.picture().size == (3, 2)
        assert isinstance(found := client.file(), Path)
        assert found.read_text() == "told"
        assert client.later.submit().get(timeout=60) == [7, 8]


def test_values_are_plain_for_async_code(giving: Any) -> None:
    """The async client gives the same."""

    async def ask() -> list[Any]:
        async with bentoml.AsyncHTTPClient(giving.url) as client:
            words = "".join([word async for word in client.words()])
            task = await client.later.submit()
            found = await client.file()
            return [await client.array(x=[1, 2]), await client.frame(), words, await task.get(timeout=60), found.name]

    assert asyncio.run(ask()) == [[2, 4], [{"a": 1}, {"a": 2}], "one two", [7, 8], "told.txt"]


def test_the_clients_of_a_handle_are_bentoml_s(giving: Any) -> None:
    """`get_client` and `get_async_client` give what the names at the top are."""
    with giving.get_client() as client:
        assert isinstance(client, bentoml.SyncHTTPClient)
    assert isinstance(giving.get_async_client(), bentoml.AsyncHTTPClient)


def test_a_client_waits_for_its_server() -> None:
    """A client that is made before its server listens waits for it, as long as a call may take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    made: list[Any] = []

    @bentoml.service
    class Late:
        """A service that comes late."""

        @bentoml.api
        def word(self) -> str:
            """Give a word."""
            return "here"

    def ask() -> None:
        with bentoml.SyncHTTPClient(f"http://127.0.0.1:{port}", timeout=60) as client:
            made.append(client.word())

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    time.sleep(0.3)  # so that it is asked before it is there; without the wait the thread has failed by now
    assert asking.is_alive()
    with bentoml.serve(Late, port=port, host="127.0.0.1"):
        asking.join(60)
    assert made == ["here"]


def test_a_service_below_a_prefix() -> None:
    """A service whose probe stands elsewhere is waited for, too."""

    @bentoml.service(path_prefix="/v1", endpoints={"readyz": "/well"})
    class Below:
        """A service below a prefix."""

        @bentoml.api
        def word(self) -> str:
            """Give a word."""
            return "here"

    with bentoml.serve(Below, port=0, host="127.0.0.1") as server, bentoml.SyncHTTPClient(server.url) as client:
        assert (client.is_ready(), client.word()) == (True, "here")


def test_how_long_it_waits() -> None:
    """What is told goes before the time of a call; 0 waits for nothing, and finds the fault at the first call."""
    assert [seconds_to_wait(told, 30.0) for told in (None, 5.0, 0)] == [30.0, 5.0, None]
    assert seconds_to_wait(None, None) == 30.0  # a call without a limit is no wait without an end
    client = bentoml.SyncHTTPClient("http://127.0.0.1:9", server_ready_timeout=0, timeout=1)
    with pytest.raises(ServiceUnavailable, match="cannot reach"):
        client.call("x")
    with pytest.raises(ServiceUnavailable, match="not ready"):
        bentoml.SyncHTTPClient("http://127.0.0.1:9", timeout=0.2)
