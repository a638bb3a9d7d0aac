"""SIGHUP replaces workers apart while calls go on, and harms nothing where it cannot."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.http.real import ROOT
from tests.servers import Running, leftovers, serving

pytestmark = pytest.mark.slow

SERVICE = """
import os
import time
from pathlib import Path
import ekiben

@ekiben.service
class Inner:
    @ekiben.api
    def version(self) -> str:
        return Path("version").read_text()

@ekiben.service(workers=2, layout="apart")
class Told:
    inner = ekiben.depends(Inner)

    def __init__(self):
        self.version = Path("version").read_text()
        if self.version == "broken":
            raise RuntimeError("no weights")

    @ekiben.api
    def tell(self) -> str:
        return self.version

    @ekiben.api(batchable=True)
    def double(self, x: list[int]) -> list[int]:
        time.sleep(0.002)
        return [2 * each for each in x]

    @ekiben.api
    def pid(self) -> int:
        return os.getpid()
"""


@contextmanager
def load(running: Running) -> Iterator[list[str]]:
    """Call without a pause while the block runs, by old and new connections; give what went wrong."""
    wrong: list[str] = []
    is_over = threading.Event()

    def work(number: int) -> None:
        with httpx.Client(base_url=running.url, timeout=30.0, trust_env=False) as kept:
            while not is_over.is_set():
                try:
                    call = httpx.post if number % 2 else kept.post
                    url = f"{running.url}/double" if number % 2 else "/double"
                    answer = call(url, json={"x": [number]})
                    if answer.status_code != 200 or answer.json() != [2 * number]:
                        wrong.append(answer.text)
                except httpx.TransportError as error:
                    wrong.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "version").write_text("one")
    with serving("service:Told", cwd=tmp_path) as found:
        found.wait_for_log("ready in")
        yield found, tmp_path


def test_workers_are_replaced_under_load(running: tuple[Running, Path]) -> None:
    """No call is lost and no connection refused; afterwards the new workers answer, and the old ones are gone."""
    server, folder = running
    old = set(leftovers(server.pid)) - {server.pid}
    assert server.http.post("/tell").text == "one"
    (folder / "version").write_text("two")
    with load(server) as wrong:
        server.process.send_signal(signal.SIGHUP)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the new workers of Told have taken over")
        end = time.monotonic() + 60
        while old & set(leftovers(server.pid)):
            assert time.monotonic() < end
            assert server.is_ready()
            time.sleep(0.05)
    assert wrong == []
    assert server.http.post("/tell").text == "two"
    assert server.http.post("/pid").json() not in old
    text = server.http.get("/metrics").text
    assert 'ekiben_worker_restarts_total{service_name="Told",service_version=""} 0.0' in text


def test_workers_that_cannot_start_leave_the_old_ones(running: tuple[Running, Path]) -> None:
    """A reload that fails is told with its words, costs no call, and the next one may succeed."""
    server, folder = running
    old = server.http.post("/pid").json()
    (folder / "version").write_text("broken")
    with load(server) as wrong:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the new workers cannot start, and the old ones stay: `Told` cannot start: RuntimeError")
    assert wrong == []
    assert server.http.post("/tell").text == "one"
    assert old in leftovers(server.pid)
    (folder / "version").write_text("three")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("the new workers of Told have taken over")
    assert server.http.post("/tell").text == "three"


def test_other_endpoints_are_refused(running: tuple[Running, Path]) -> None:
    """New code whose endpoints the front does not know never gets a call."""
    server, folder = running
    (folder / "service.py").write_text(SERVICE.replace("def tell(self) -> str", "def tell(self, name: str) -> str"))
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_log("the endpoints of `Told` are not those that the server was started with")
    assert server.http.post("/tell").text == "one"


def test_one_process_says_that_it_cannot() -> None:
    """SIGHUP to a server that holds its service itself is refused by one line; calls go on, and it ends as usual."""
    with serving("tests.http.calls:Calls", cwd=ROOT) as server:
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("SIGHUP reloads nothing here")
        assert server.http.post("/add", json={"a": 1}).json() == 2
        assert server.log.count("SIGHUP") == 1
