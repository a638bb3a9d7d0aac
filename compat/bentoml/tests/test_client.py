"""Clients of 1.0 and the servers that a script starts."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.client import AsyncClient, AsyncHTTPClient, Client, HTTPClient, SyncClient, SyncHTTPClient, address
from bentoml.exceptions import BentoMLException, StateException
from bentoml.legacy import GrpcServer, HTTPServer

from ekiben.core.errors import Unavailable
from tests.servers import free_port

SERVICE = """
import bentoml
from bentoml.io import JSON, NumpyNdarray, Text

svc = bentoml.Service("numbers")

@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def double(rows):
    return rows * 2

@svc.api(input=JSON(), output=JSON())
def echo(value):
    return value

@svc.api(input=JSON(), output=Text())
async def count(n):
    for i in range(n):
        yield f"{i} "
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HTTPServer]:
    """A server that a script started, in a process of its own."""
    folder = tmp_path_factory.mktemp("numbers")
    (folder / "service.py").write_text(SERVICE)
    made = HTTPServer("service:svc", host="127.0.0.1", port=free_port(), working_dir=str(folder), api_workers=1)
    with made:
        yield made
    assert not made.running


@pytest.fixture
def url(server: HTTPServer) -> str:
    return address(server.host, server.port)


@pytest.mark.parametrize("kind", [Client, HTTPClient, SyncClient, SyncHTTPClient])
def test_sync_clients(kind: type[Client], url: str) -> None:
    """Each API is a method, and has a name for `call`; `health` is the answer of the probe."""
    with kind.from_url(url) as client:
        assert client.double(np.array([[1.0, 2.0]])).tolist() == [[2.0, 4.0]]
        assert client.call("echo", {"a": [1]}) == {"a": [1]}
        assert client.health().status_code == 200
        assert set(client.endpoints) == {"double", "echo", "count"}
        with pytest.raises(AttributeError, match="the service has no API `triple`"):
            client.triple(1)


def test_the_mixed_client_is_awaited_too(url: str) -> None:
    """`async_` before a name gives what is awaited, on any loop, a stream among it; a waiting client has none."""
    with Client.from_url(url, kind="http") as client:

        async def ask() -> tuple[Any, ...]:
            pieces = [piece async for piece in await client.async_count(3)]
            health = await client.async_health()
            return await client.async_echo(1), await client.async_call("echo", 2), pieces, health.status_code

        for _ in range(2):
            first, second, pieces, status = asyncio.run(ask())
            assert (first, second, "".join(pieces), status) == (1, 2, "0 1 2 ", 200)
    with SyncClient.from_url(url) as waiting, pytest.raises(AttributeError, match="`AsyncClient` has what is awaited"):
        waiting.async_echo(1)


@pytest.mark.parametrize("kind", [AsyncClient, AsyncHTTPClient])
def test_async_clients(kind: type[AsyncClient], server: HTTPServer, url: str) -> None:
    """Each API is a method that is awaited."""

    async def ask() -> None:
        await kind.wait_until_server_ready(server.host, server.port, timeout=10)
        async with await kind.from_url(url) as client:
            assert (await client.double(np.array([1.0]))).tolist() == [2.0]
            assert await client.call("echo", "x") == "x"
            assert (await client.health()).status_code == 200
            with pytest.raises(AttributeError, match="the service has no API `triple`"):
                client.triple(1)

    asyncio.run(ask())


def test_what_is_not_there() -> None:
    """No gRPC, and no server: both are said."""
    with pytest.raises(BentoMLException, match="gRPC is not served"):
        Client.from_url("localhost:3000", kind="grpc")
    with pytest.raises(BentoMLException, match="`kind` must be"):
        Client.from_url("http://localhost:3000", kind="smoke")
    with pytest.raises(BentoMLException, match="gRPC is not served"):
        GrpcServer("iris:latest")
    port = free_port()
    with pytest.raises(Unavailable):
        Client.from_url(address("0.0.0.0", port))
    with pytest.raises(Unavailable, match="not ready within"):
        Client.wait_until_server_ready("127.0.0.1", port, timeout=0.2)


def test_a_server_that_was_started(server: HTTPServer) -> None:
    """It runs, can be asked by a client, and is not started twice."""
    assert server.running
    with server.get_client() as client:
        assert client.echo(5) == 5
    with pytest.raises(StateException, match="runs already"):
        server.start()


def test_a_server_that_cannot_start(tmp_path: Path) -> None:
    """One that ends before it is ready says so, and one that was not started too."""
    made = HTTPServer("nothing:svc", port=free_port(), working_dir=str(tmp_path))
    assert not made.running
    with pytest.raises(StateException, match="was not started"):
        made.get_client()
    with pytest.raises(Unavailable, match="the server ended with 1"), made:
        pass
    made.stop()
    assert not made.running


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"backlog": 10}, "`backlog` is not supported", id="an option of the configuration"),
        pytest.param({"env": "conda"}, "`env` is not supported|no option", id="an environment of conda"),
        pytest.param({"wokers": 2}, "there is no option `wokers`", id="a slip"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    """An option works or is refused."""
    with pytest.raises(BentoMLException, match=words):
        HTTPServer("iris:latest", **options)


def test_what_is_served(tmp_path: Path) -> None:
    """Options become words of the command; a service that no other process can import is refused."""
    made = HTTPServer("iris:latest", port=1234, api_workers=2, timeout=5, production=False)
    assert made.command[1:] == [
        "-m", "bentoml", "serve", "iris:latest", "--host", "0.0.0.0", "--port", "1234",
        "--workers", "2", "--timeout", "5", "--development",
    ]  # fmt: skip
    assert HTTPServer(bentoml.Tag("iris", "1"), reload=True).command[4:] == [
        "iris:1", "--host", "0.0.0.0", "--port", "3000", "--reload",
    ]  # fmt: skip
    with pytest.raises(BentoMLException, match="cannot import `local`"):
        HTTPServer(bentoml.Service("local"))


def test_a_password_is_no_word_of_a_command(tmp_path: Path) -> None:
    """The password of a key reaches the process by its environment: words of a command are seen by everybody."""
    made = HTTPServer("iris:latest", ssl_certfile="a.pem", ssl_keyfile="b.pem", ssl_keyfile_password="hush")
    assert "--ssl-keyfile" in made.command
    assert not any("hush" in word for word in made.command)
    told = tmp_path / "told"
    code = "import os, sys; open(sys.argv[1], 'w').write(os.environ['BENTOML_SSL_KEYFILE_PASSWORD'])"
    made.command = [sys.executable, "-c", code, str(told)]
    made.start(blocking=True)
    assert told.read_text() == "hush"


def test_options_of_a_start_are_refused() -> None:
    """What cannot be had is refused before a process begins, and before anybody waits."""
    made = HTTPServer("iris:latest")
    with pytest.raises(BentoMLException, match="`start` has no option `env` here"):
        made.start(env={"A": "1"})
    assert made.process is None
    with pytest.raises(BentoMLException, match="`wait_until_server_ready` has no option `ssl_context` here"):
        HTTPClient.wait_until_server_ready("localhost", 1, ssl_context="x")


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("bentoml.client.Client.from_url(URL)", id="the mixed one"),
        pytest.param("bentoml.SyncHTTPClient(URL, server_ready_timeout=0.1)", id="the newer one"),
        pytest.param("asyncio.run(bentoml.client.AsyncClient.from_url(URL))", id="the async one"),
        pytest.param("bentoml.client.HTTPClient.wait_until_server_ready('127.0.0.1', PORT, timeout=0.1)", id="a wait"),
    ],
)
def test_a_script_shows_one_error(code: str) -> None:
    """A script that reaches no server ends with one traceback, whose last lines are the URL, the reason, the hint."""
    url = address("127.0.0.1", port := free_port())
    script = f"import asyncio, bentoml, bentoml.client\nURL, PORT = {url!r}, {port}\n{code}"
    env = {**os.environ, "PYTHONPATH": str(Path(bentoml.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "The above exception" not in done.stderr
    assert "During handling" not in done.stderr
    error, hint = done.stderr.rstrip().splitlines()[-2:]
    assert f"cannot reach {url}: " in error
    assert hint == "hint: is the server running, and is this its address?"


def test_options_of_health(server: HTTPServer, url: str) -> None:
    """`timeout` is that of the one question; what is no seconds, and any other option, is refused."""
    with Client.from_url(url) as client:
        assert client.health(timeout=5).status_code == 200
        assert asyncio.run(client.async_health(timeout=5)).status_code == 200
        with pytest.raises(BentoMLException, match="`health` has no option `service_name` here: 'x'"):
            client.health(service_name="x")
        with pytest.raises(BentoMLException, match="`timeout` must be a number of seconds above 0: 'soon'"):
            client.health(timeout="soon")  # type: ignore[arg-type]  # as a user may
        with pytest.raises(TypeError):
            client.health("x")  # type: ignore[misc]  # as a user may

    async def ask() -> None:
        async with await AsyncClient.from_url(url) as client:
            assert (await client.health(timeout=5)).status_code == 200
            with pytest.raises(BentoMLException, match="`health` has no option `check`"):
                await client.health(check=True)

    asyncio.run(ask())


def test_health_ends_in_time() -> None:
    """A server that does not answer costs what `timeout` says, and the error says the same."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = address("127.0.0.1", silent.getsockname()[1])
        client = Client.__new__(Client)  # one that has asked the server already what it offers
        client._sync = bentoml.SyncHTTPClient(url, timeout=300, server_ready_timeout=0)
        with pytest.raises(BentoMLException, match=r"did not answer within 0\.2 seconds"):
            client.health(timeout=0.2)
        client.close()
