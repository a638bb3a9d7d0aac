"""The routes of tasks answer as docs/tasks.md says, over a real server with real processes."""

import io
import json
import re
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.http.tasking import Tasks, chores


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    with chores(tmp_path_factory.mktemp("chores")) as tasks:
        yield tasks


@pytest.fixture(autouse=True)
def forget(served: Tasks) -> None:
    """Let each test read its own notes."""
    (served.folder / "notes").unlink(missing_ok=True)


def test_submit_status_get(served: Tasks) -> None:
    """A task is kept, runs in another process, and its answer can be asked for more than once."""
    submitted = served.http.post("/add/submit", json={"a": 1, "b": 2}).json()
    assert submitted["status"] == "pending"
    assert submitted["executed_at"] is None
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}", submitted["task_id"])
    told = served.ended("add", submitted["task_id"])
    assert (told["status"], told["attempts"], told["max_attempts"], told["error"]) == ("completed", 1, 3, None)
    created, started, ended = (
        datetime.fromisoformat(told[key]) for key in ("created_at", "executed_at", "finished_at")
    )
    assert created <= started <= ended
    for _ in range(2):
        found = served.get("add", submitted["task_id"])
        assert (found.status_code, found.json()["sum"]) == (200, 3)
        assert found.json()["pid"] != served.server.pid


def test_the_instance_is_reused(served: Tasks) -> None:
    """One process runs one task after the other with one instance."""
    first, second = (served.get("add", task).json() for task in [served.ran("add", a=1) for _ in range(2)])
    assert first["pid"] == second["pid"]
    assert second["calls"] == first["calls"] + 1


def test_plain_route_waits(served: Tasks) -> None:
    """The plain route runs the task in the same process and answers with its answer; nothing is kept of it."""
    found = served.http.post("/add", json={"a": 1})
    assert (found.status_code, found.json()["sum"]) == (200, 2)
    assert found.json()["pid"] != served.server.pid
    other = served.http.post("/add", json={"a": 1})
    assert other.json()["pid"] == found.json()["pid"]


@pytest.mark.parametrize("route", ["add", "add/submit"])
@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        pytest.param(b'{"a": "x"}', "application/json", 400, "a: must be a valid integer", id="a wrong value"),
        pytest.param(b"{}", "application/json", 400, "a: is required", id="a missing value"),
        pytest.param(b"{", "application/json", 400, "", id="no JSON"),
        pytest.param(b"\x80\x04.", "application/vnd.bentoml+pickle", 415, "pickles are not read", id="a pickle"),
    ],
)
def test_wrong_values_are_told_at_once(
    served: Tasks, route: str, body: bytes, kind: str, status: int, words: str
) -> None:
    """What the types refuse never becomes a task."""
    found = served.http.post(f"/{route}", content=body, headers={"content-type": kind})
    assert found.status_code == status, found.text
    assert words in found.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/add/status", 400, id="a status without an id"),
        pytest.param("GET", "/add/get", 400, id="an answer without an id"),
        pytest.param("POST", "/add/retry?task_id=", 400, id="an empty id"),
        pytest.param("PUT", "/add/cancel?task_id=a&task_id=b", 400, id="two ids"),
        pytest.param("GET", "/add/status?" + "&".join(f"x{i}=1" for i in range(50)), 400, id="too many fields"),
        pytest.param("GET", "/add/status?task_id=" + "a" * 24, 404, id="an unknown id"),
        pytest.param("GET", "/add/get?task_id=%27%20OR%201%3D1%20--", 404, id="an id that is SQL"),
        pytest.param("POST", "/add/retry?task_id=..%2F..%2Ftasks.db", 404, id="an id that is a path"),
        pytest.param("PUT", "/add/cancel?task_id=%00", 404, id="an id that is a control character"),
        pytest.param("GET", "/add/submit", 405, id="submit by GET"),
        pytest.param("POST", "/add/status", 405, id="status by POST"),
        pytest.param("GET", "/add/cancel", 405, id="cancel by GET"),
        pytest.param("POST", "/plain/submit", 404, id="submit of what is no task"),
    ],
)
def test_wrong_requests(served: Tasks, method: str, path: str, status: int) -> None:
    """Each is refused with its own status."""
    found = served.http.request(method, path)
    assert (found.status_code, found.json()["status"]) == (status, status), found.text


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "x"])
def test_wrong_wait(served: Tasks, wait: str) -> None:
    """`wait` is a number of seconds, not too large."""
    found = served.http.get("/add/status", params={"task_id": "a" * 24, "wait": wait})
    assert (found.status_code, found.json()["errors"][0]["path"]) == (400, "wait")


def test_a_task_belongs_to_its_route(served: Tasks) -> None:
    """The id of one task is unknown at the route of another."""
    task = served.ran("add", a=1)
    assert served.get("hold", task).status_code == 404


def test_unfinished(served: Tasks) -> None:
    """An answer that is not there yet is a 409, and so are other things that cannot be done now."""
    task = served.submit("hold", name="unfinished")
    served.wait_for("begun-unfinished")
    assert served.get("hold", task).status_code == 409
    assert served.retry("hold", task).status_code == 409
    told = served.status("hold", task)
    assert (told["status"], told["progress"]) == ("in_progress", {"fraction": 0.25, "message": "waiting"})
    served.let("unfinished")
    told = served.ended("hold", task)
    assert (told["status"], told["progress"]) == ("completed", {"fraction": 1.0, "message": ""})
    assert served.get("hold", task).text == f"unfinished in {task}"
    refused = served.cancel("hold", task)
    assert (refused.status_code, refused.json()["detail"]) == (409, "the task cannot be canceled: it is completed")


def test_status_waits(served: Tasks) -> None:
    """`wait` answers as soon as the task has ended, and not before."""
    task = served.submit("hold", name="waited")
    found: list[dict[str, Any]] = []
    asked = threading.Thread(target=lambda: found.append(served.status("hold", task, wait=60)), daemon=True)
    asked.start()
    served.wait_for("begun-waited")
    assert found == []
    served.let("waited")
    asked.join(60)
    assert [told["status"] for told in found] == ["completed"]


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        pytest.param("ours", 422, "no face in the picture", id="an error with a status"),
        pytest.param("value", 400, "`how` must be kind: 'value'", id="a wrong value"),
        pytest.param("bug", 500, "an error occurred in the service; its log says which", id="a bug, whose words stay"),
        pytest.param("exit", 500, "an error occurred in the service; its log says which", id="an exit"),
        pytest.param(
            "keyboard", 500, "an error occurred in the service; its log says which", id="an interrupt of its own"
        ),
    ],
)
def test_failed(served: Tasks, how: str, status: int, words: str) -> None:
    """What the method raises is its answer, as a plain call would have it; the process goes on."""
    task = served.submit("fail", how=how)
    told = served.ended("fail", task)
    assert (told["status"], told["error"], told["attempts"]) == ("failed", words, 1)
    found = served.get("fail", task)
    assert (found.status_code, found.json()["detail"]) == (status, words)
    assert found.headers["content-type"] == "application/problem+json"
    assert "12345" not in found.text
    plain = served.http.post("/fail", json={"how": how})
    assert (plain.status_code, plain.json()["detail"]) == (status, words)


def test_bugs_are_logged(served: Tasks) -> None:
    """The log has the traceback of what a task raised, and the task's id."""
    task = served.ran("fail", how="bug")
    log = served.server.wait_for_log(f"request {task} failed: the password is 12345")
    assert "in fail" in log


def test_arrays(served: Tasks) -> None:
    """Arrays go in and come out in binary, as `Accept` asked when the task was submitted."""
    out = io.BytesIO()
    np.save(out, np.arange(100_000, dtype=np.float32))  # 400 kB: a file beside the database, both ways
    headers = {"content-type": "application/x-npy", "accept": "application/x-npy"}
    task = served.http.post("/scale/submit", content=out.getvalue(), headers=headers).json()["task_id"]
    assert served.ended("scale", task)["status"] == "completed"
    found = served.get("scale", task)
    assert np.load(io.BytesIO(found.content)).tolist() == (np.arange(100_000, dtype=np.float32) * 2).tolist()


def test_files(served: Tasks) -> None:
    """An upload is kept as it came, and a file is given back, also by a retry."""
    content = bytes(range(256)) * 2000
    sent = {"file": ("a b.bin", content, "application/octet-stream")}
    task = served.http.post("/keep/submit", files=sent).json()["task_id"]
    for each in (task, None):
        each = each or served.retry("keep", task).json()["task_id"]
        assert served.ended("keep", each)["status"] == "completed"
        found = served.get("keep", each)
        assert found.content == content
        assert "attachment" in found.headers["content-disposition"]


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_sizes(served: Tasks, size: int) -> None:
    """Answers of any size come whole, with their type."""
    found = served.get("write", served.ran("write", size=size))
    assert (len(found.content), found.headers["content-type"]) == (size, "application/x-zeros")


def test_context(served: Tasks) -> None:
    """A task sees its request, but not what its sender authenticates by; its headers and status are kept."""
    headers = {"authorization": "Bearer secret", "cookie": "secret=1", "x-mine": "yes"}
    task = served.http.post("/tell/submit?a=1", json={}, headers=headers).json()["task_id"]
    served.ended("tell", task)
    found = served.get("tell", task)
    assert (found.status_code, found.headers["x-chore"]) == (201, "done")
    assert "chore=done" in found.headers["set-cookie"]
    told = found.json()
    assert (told["id"], told["query"], told["headers"]["x-mine"]) == (task, {"a": "1"}, "yes")
    assert not {"authorization", "cookie"} & told["headers"].keys()
    database = served.folder / "home" / "tasks" / "chores" / "tasks.db"
    assert b"secret" not in database.read_bytes() + database.with_name("tasks.db-wal").read_bytes()


def test_starlette_response(served: Tasks) -> None:
    """A response of Starlette's is kept as it is."""
    found = served.get("passed", served.ran("passed"))
    assert (found.status_code, found.text, found.headers["content-type"]) == (203, "raw", "application/x-own")


def test_idempotency_key(served: Tasks) -> None:
    """The same key is the same task; with another body it is refused, and so is a key that is too long."""
    key = {"idempotency-key": "one"}
    first = served.submit("add", a=1, headers=key)
    assert served.submit("add", a=1, headers=key) == first
    assert served.http.post("/add/submit", json={"a": 2}, headers=key).status_code == 422
    assert served.http.post("/add/submit", json={"a": 2}, headers={"idempotency-key": "x" * 256}).status_code == 400


def test_retry(served: Tasks) -> None:
    """What a finished task was asked runs again as a new task."""
    task = served.ran("add", a=41)
    again = served.retry("add", task)
    assert again.status_code == 200
    other = again.json()["task_id"]
    assert other != task
    served.ended("add", other)
    assert served.get("add", other).json()["sum"] == 42


def test_in_order_and_bounded(served: Tasks) -> None:
    """Tasks run in the order in which they came; more than `max_pending` get 503 and `Retry-After`."""
    held = served.submit("hold", name="order")
    served.wait_for("begun-order")
    waiting = [served.submit("add", a=number) for number in range(5)]
    refused = served.http.post("/add/submit", json={"a": 9})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
    assert served.http.post("/add", json={"a": 9}).status_code == 503
    assert served.http.post("/plain").text.startswith("plain")  # endpoints beside do not wait
    served.let("order")
    calls = [served.get("add", task).json()["calls"] for task in waiting if served.ended("add", task)]
    assert calls == sorted(calls)
    assert served.ended("hold", held)["status"] == "completed"


def test_a_caller_who_leaves(served: Tasks) -> None:
    """The plain route's task is ended when its caller is gone, and nothing is kept of it."""
    with socket.create_connection(("127.0.0.1", served.server.port)) as caller:
        body = b'{"name": "left"}'
        head = f"POST /hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        caller.sendall(head.encode() + body)
        served.wait_for("begun-left")
    served.wait_for("interrupted")
    served.wait_for("left")
    assert "ended-left" not in served.notes()


def test_origin(served: Tasks) -> None:
    """A page of another origin cannot submit a task."""
    found = served.http.post("/add/submit", json={"a": 1}, headers={"origin": "http://evil.example"})
    assert found.status_code == 403


def test_metrics(served: Tasks) -> None:
    """The routes of tasks are counted, each by its own name."""
    served.ran("add", a=1)
    text = served.http.get("/metrics").text
    for route in ("/add/submit", "/add/status"):
        assert f'endpoint="{route}"' in text
    labels = 'method_name="add",service_name="chores",service_version=""'
    (total,) = re.findall(rf'ekiben_task_total\{{{labels},state="completed"\}} (\d+)', text)
    assert int(total) >= 1
    assert f"ekiben_task_in_progress{{{labels}}} 0.0" in text


def test_descriptions(served: Tasks) -> None:
    """`/schema.json` says which endpoints are tasks."""
    routes = {route["name"]: route["is_task"] for route in served.http.get("/schema.json").json()["routes"]}
    assert (routes["add"], routes["plain"]) == (True, False)


def test_the_database_is_closed_to_others(served: Tasks) -> None:
    """Folder and files are their owner's alone, and the bodies in it are plain."""
    folder = served.folder / "home" / "tasks" / "chores"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}
    task = served.ran("add", a=7)
    connection = sqlite3.connect(f"file:{folder / 'tasks.db'}?mode=ro", uri=True)
    (body,) = connection.execute("SELECT body FROM tasks WHERE id = ?", (task,)).fetchone()
    connection.close()
    assert json.loads(body) == {"a": 7}
    assert Path(folder / "files").is_dir()
