"""A stream of a worker reaches its client as one of this process does, also when the worker dies."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.real import ROOT, wait_for
from tests.http.test_apart import told, worker_of
from tests.http.test_stream import SSE, connect, read_all, read_until
from tests.servers import Running, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Running, Running]]:
    target = "tests.http.streaming:Streaming"
    with serving(target, cwd=ROOT) as one, serving(target, "--layout", "apart", cwd=ROOT) as two:
        yield one, two


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        pytest.param("/tokens", {"words": ["a", "b\n", "é"]}, {}, id="text"),
        pytest.param("/tokens", {"words": ["a", "b\n", "é"]}, SSE, id="text as events"),
        pytest.param("/tokens", {"words": []}, {}, id="no piece at all"),
        pytest.param("/tokens", {"words": ["x" * 300_000] * 3}, {}, id="large pieces"),
        pytest.param("/tokens", {"words": 5}, {}, id="a wrong argument"),
        pytest.param("/tokens", {"words": []}, {"accept": "image/png"}, id="a form that there is not"),
        pytest.param("/rows", {"count": 500}, {}, id="records"),
        pytest.param("/sound", {}, {}, id="bytes"),
        pytest.param("/polite", {}, {}, id="a status and headers"),
        pytest.param("/fail", {"after": 0}, {}, id="a bug before the first piece"),
        pytest.param("/fail", {"after": 0, "how": "ours"}, {}, id="an error before the first piece"),
        pytest.param("/fail", {"after": 2, "how": "ours"}, SSE, id="an error later"),
        pytest.param("/fail", {"after": 2}, SSE, id="a bug later"),
    ],
)
def test_both_layouts_stream_alike(
    both: tuple[Running, Running], path: str, body: Any, headers: dict[str, str]
) -> None:
    """Status, headers and all bytes are those of one process."""
    one, two = (each.http.post(path, json=body, headers={**headers, "x-request-id": "same"}) for each in both)
    assert two.status_code == one.status_code
    assert two.content == one.content
    assert told(two) == told(one)


def test_a_worker_that_dies_amid_a_stream(tmp_path: Path) -> None:
    """Text breaks off, so that nobody takes it for whole; events end with one that says 503; others go on."""
    with serving("tests.http.streaming:Streaming", "--layout", "apart", cwd=ROOT) as running:
        with (
            connect(running.port, "/wait", {"folder": str(tmp_path)}) as text,
            connect(running.port, "/wait", {"folder": str(tmp_path)}, "accept: text/event-stream") as events,
        ):
            read_until(text, b"first")
            read_until(events, b"first")
            os.kill(worker_of(running), signal.SIGKILL)
            assert not read_all(text).endswith(b"0\r\n\r\n")
            last = read_until(events, b"0\r\n\r\n")
            assert b"event: error" in last
            assert b'"status":503' in last
            assert b"worker that ran this call ended" in last
        running.wait_for_log('"POST /wait" 503')
        assert running.http.post("/whole", headers={"x-request-timeout-ms": "30000"}).json() == 5


def test_streams_and_calls_take_turns(tmp_path: Path) -> None:
    """A call of the only worker is answered while streams wait for their readers and for their next piece."""
    with serving("tests.http.streaming:Streaming", "--layout", "apart", cwd=ROOT) as running:
        clients = [connect(running.port, "/flood", {"folder": str(tmp_path)}) for _ in range(8)]
        clients += [connect(running.port, "/wait", {"folder": str(tmp_path)}) for _ in range(8)]
        for client in clients:
            read_until(client, b"\r\n\r\n")
        for _ in range(20):
            assert running.http.post("/whole").json() == 5
        for client in clients:
            client.close()
        wait_for(tmp_path / "closed")
        line = 'ekiben_request_in_progress{endpoint="/flood",service_name="streaming",service_version=""} 0.0'
        while line not in running.http.get("/metrics").text:
            httpx.get(running.url + "/livez", trust_env=False)


def test_the_default_of_several_workers() -> None:
    """A service that streams and batches has its workers apart."""
    with serving("tests.http.streamed_batches:Both", "--workers", "2", cwd=ROOT) as running:
        assert running.http.post("/count", json={"n": 3}).text == "012"
        assert running.http.post("/double", json={"x": [1, 2]}).json() == [2, 4]
        assert len(Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()) == 2
