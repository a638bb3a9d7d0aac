"""A service whose workers stand apart answers as it does in one process, and outlives its workers."""

import io
import os
import pickle
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.http.real import wait_for
from tests.servers import Running, serve_to_end, serving

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
OURS = ("date", "x-request-id")


def picture() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (7, 5)).save(held, "jpeg")
    return held.getvalue()


def npy(array: Any) -> bytes:
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


JSON = {"content-type": "application/json"}
NPY = {"content-type": "application/x-npy"}
AS_NPY = NPY | {"accept": "application/x-npy"}
PICKLE = {"content-type": "application/x-pickle"}
SAME = {"x-request-id": "same"}
UTF_16 = {"content-type": "application/json; charset=utf-16"}
LARGE = np.arange(65536, dtype=np.float64)

REQUESTS: dict[str, Callable[[httpx.Client], httpx.Response]] = {
    "JSON": lambda http: http.post("/add", json={"a": 1}),
    "a wrong type": lambda http: http.post("/add", json={"a": "x", "b": []}),
    "no body": lambda http: http.post("/add"),
    "broken JSON": lambda http: http.post("/add", content=b'{"a":', headers=JSON),
    "deep JSON": lambda http: http.post("/double", content=b"[" * 5000, headers=JSON),
    "an unknown field": lambda http: http.post("/add", json={"a": 1, "z": 2}),
    "records": lambda http: http.post("/double", json=[{"left": 1, "right": 2}]),
    "wrong records": lambda http: http.post("/double", json=[{"left": 1, "right": -2}]),
    "an array as JSON": lambda http: http.post("/scale", json=[[1, 2], [3, 4]]),
    "a ragged array": lambda http: http.post("/scale", json=[[1, 2], [3]]),
    "an array as npy": lambda http: http.post("/scale", content=npy(np.ones((2, 2))), headers=NPY),
    "a large array as npy": lambda http: http.post("/scale", content=npy(LARGE), headers=AS_NPY),
    "an array asked for as npy": lambda http: http.post("/scale", json=[1, 2], headers={"accept": "application/x-npy"}),
    "an npy of objects": lambda http: http.post("/scale", content=b"\x93NUMPY" + pickle.dumps([1]), headers=NPY),
    "an image": lambda http: http.post("/measure", files={"image": picture()}),
    "a bare image": lambda http: http.post("/measure", content=picture(), headers={"content-type": "image/jpeg"}),
    "no image": lambda http: http.post("/measure", files={"image": b"no picture"}),
    "files": lambda http: http.post("/keep", files={"file": ("a.bin", b"x" * 300_000)}),
    "a small file": lambda http: http.post("/keep", files={"file": ("a.txt", b"words")}),
    "an image as an answer": lambda http: http.post("/paint", json={"width": 9}),
    "a long answer, compressed": lambda http: http.post("/numbers", json={"count": 5000}),
    "headers, cookies, status": lambda http: http.post("/tell", json={"name": "x-own", "value": "1"}, headers=SAME),
    "a header that must not be": lambda http: http.post("/tell", json={"name": "x-own", "value": "a\r\nb: c"}),
    "the raw body": lambda http: http.post("/echo", content=b"\x00\x01", headers={"x-own": "1"}),
    "a response of the user's": lambda http: http.post("/passed"),
    "a streaming response of the user's": lambda http: http.post("/streamed"),
    "an error of ours": lambda http: http.post("/fail", json={"how": "ours"}),
    "an error of theirs": lambda http: http.post("/fail", json={"how": "theirs"}),
    "a bug": lambda http: http.post("/fail", json={"how": "bug"}),
    "an exit": lambda http: http.post("/fail", json={"how": "exit"}),
    "a pickle": lambda http: http.post("/add", content=pickle.dumps(1), headers=PICKLE),
    "an unknown type": lambda http: http.post("/add", content=b"x", headers={"content-type": "text/x-own"}),
    "a wrong charset": lambda http: http.post("/add", content=b"{}", headers=UTF_16),
    "a packed body": lambda http: http.post("/add", content=b"no gzip", headers=JSON | {"content-encoding": "gzip"}),
    "a form": lambda http: http.post("/add", data={"a": "3", "b": "4"}),
    "the wrong method": lambda http: http.get("/add"),
    "an unknown path": lambda http: http.post("/ad", json={"a": 1}),
    "another origin": lambda http: http.post("/add", json={"a": 1}, headers={"origin": "http://evil.example"}),
    "a strange patience": lambda http: http.post("/add", json={"a": 1}, headers={"x-request-timeout-ms": "soon"}),
    "liveness": lambda http: http.get("/livez"),
    "the schema": lambda http: http.get("/schema.json"),
}  # fmt: skip


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Running, Running]]:
    apart = {"EKIBEN_LAYOUT": "apart", "EKIBEN_WORKERS": "2"}
    with (
        serving("tests.http.calls:Calls", cwd=ROOT) as one,
        serving("tests.http.calls:Calls", cwd=ROOT, env=apart) as two,
    ):
        yield one, two  # fmt: skip


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS.keys())
def test_both_layouts_answer_alike(both: tuple[Running, Running], request_of: Any) -> None:
    """Status, headers and body are those of one process, whatever is asked."""
    one, two = (request_of(running.http) for running in both)
    assert two.status_code == one.status_code
    assert two.content == one.content
    assert told(two) == told(one)


def told(answer: httpx.Response) -> dict[str, str]:
    """Give the headers that do not change from one request to the next."""
    headers = {name: value for name, value in answer.headers.items() if name not in OURS}
    return {name: re.sub(r"upload-[0-9a-f]{32}", "upload-X", value) for name, value in headers.items()}


def test_the_request_id_crosses(both: tuple[Running, Running]) -> None:
    """The id that a client gave is seen by the method, in another process, and comes back."""
    _, apart = both
    found = apart.http.post("/tell", json={"name": "a", "value": "b"}, headers={"x-request-id": "mine"})
    assert (found.text, found.headers["x-request-id"]) == ("mine", "mine")


def test_a_bug_is_logged_where_it_happened(both: tuple[Running, Running]) -> None:
    """The traceback stands in the log once, and the answer has none of it."""
    _, apart = both
    before = apart.log.count("ValueError: the password is 12345")
    answer = apart.http.post("/fail", json={"how": "bug"})
    assert "12345" not in answer.text
    assert (
        apart.wait_for_log("ValueError: the password is 12345").count("ValueError: the password is 12345") == before + 1
    )


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[tuple[Running, Path]]:
    env = {"SLOW_FOLDER": str(tmp_path), "EKIBEN_LAYOUT": "apart"}
    with serving("tests.http.slow:Slow", cwd=ROOT, env=env) as running:
        yield running, tmp_path


def worker_of(running: Running) -> int:
    """Find the one worker of a server."""
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    (worker,) = [int(pid) for pid in children]
    return worker


def test_a_killed_worker_costs_only_the_call_that_it_had_begun(slow: tuple[Running, Path]) -> None:
    """The begun call is 503 and says why; one that waited is answered by the worker that follows."""
    running, folder = slow
    with ThreadPoolExecutor(2) as pool:
        begun = pool.submit(running.http.post, "/sync", json={"name": "one"})
        wait_for(folder / "one-began")
        waits = pool.submit(running.http.post, "/quick")
        os.kill(worker_of(running), signal.SIGKILL)
        answer = begun.result(60)
        assert answer.status_code == 503
        assert "worker that ran this call ended" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "1"
        assert (waits.result(60).status_code, waits.result().text) == (200, "quick")
    assert "was killed by SIGKILL and is started again" in running.log


def test_the_front_answers_while_the_model_is_busy(slow: tuple[Running, Path]) -> None:
    """Probes, pages and refusals come while the only worker computes."""
    running, folder = slow
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(running.http.post, "/sync", json={"name": "one"})
        wait_for(folder / "one-began")
        assert [running.http.get(path).status_code for path in ("/livez", "/readyz", "/docs")] == [200] * 3
        assert running.http.get("/sync").status_code == 405
        (folder / "one").touch()
        assert busy.result(60).text == "one"


def test_sigterm_lets_begun_calls_end(slow: tuple[Running, Path]) -> None:
    """A call that runs is answered after SIGTERM; then the worker runs its last hook, and all ends with 0."""
    running, folder = slow
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(running.http.post, "/sync", json={"name": "one"})
        wait_for(folder / "one-began")
        os.kill(running.pid, signal.SIGTERM)
        (folder / "one").touch()
        assert busy.result(60).text == "one"
    assert running.process.wait(60) == 0
    assert (folder / "ended").exists()


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    """What `__init__` raises in a worker is told by the front, with the place, once; nothing stays."""
    (tmp_path / "fail").touch()
    env = {"SLOW_FOLDER": str(tmp_path), "EKIBEN_LAYOUT": "apart"}
    with serving("tests.http.slow:Slow", cwd=ROOT, env=env, wait=False) as running:
        assert running.process.wait(60) == 1
        assert running.log.count("RuntimeError: no weights") == 1
        assert "slow.py" in running.log


def test_a_stuck_worker_is_killed(tmp_path: Path) -> None:
    """A sync call that never ends costs its worker, which is replaced; the next call is answered."""
    env = {"SLOW_FOLDER": str(tmp_path), "EKIBEN_LAYOUT": "apart", "EKIBEN_TRAFFIC__KILL_AFTER": "0.1"}
    with serving("tests.http.slow:Slow", "--timeout", "1", "--drain", "0.1", cwd=ROOT, env=env) as running:
        first = worker_of(running)
        assert running.http.post("/sync", json={"name": "never"}).status_code == 504
        running.wait_for_log("is replaced: a call of `sync` went on 0.1 seconds beyond its time")
        running.http.post("/quick", headers={"x-request-timeout-ms": "30000"})
        wait_until_gone(first)
        assert running.http.post("/quick").text == "quick"


def wait_until_gone(pid: int) -> None:
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_kill_after_needs_workers(tmp_path: Path) -> None:
    """Where nothing can be killed, the option is refused with what to write."""
    done = serve_to_end("tests.http.slow:Slow", cwd=ROOT, env={"EKIBEN_TRAFFIC__KILL_AFTER": "1"})
    assert done.returncode == 1
    assert "`traffic.kill_after` needs workers that can be killed" in done.stderr


ASKED = (
    ("GET", "/v1/items/3?verbose=true", None),
    ("GET", "/v1/items/0", None),
    ("GET", "/v1/items/x", None),
    ("PUT", "/v1/items/3", {"name": "a", "force": True}),
    ("PUT", "/v1/items/x", {"name": "a"}),
    ("GET", "/v1/find?text=a%20b&tags=x&tags=y", None),
    ("GET", "/v1/find", None),
    ("HEAD", "/v1/items/3", None),
    ("DELETE", "/v1/items/4", None),
)


def test_arguments_in_the_url_cross() -> None:
    """What stands in path and query reaches a worker, with or without a context, and is refused in the same words."""
    found = []
    for env in ({}, {"EKIBEN_LAYOUT": "apart"}):
        with serving("tests.http.items:Items", cwd=ROOT, env=env, wait=False) as running:
            running.wait_for_log("ready in")
            answers = [running.http.request(method, path, json=body) for method, path, body in ASKED]
            found.append([(each.status_code, each.content, told(each)) for each in answers])
    assert found[1] == found[0]
    assert [status for status, *_ in found[0]][:3] == [200, 400, 400]
