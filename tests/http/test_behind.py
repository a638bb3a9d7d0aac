"""A service with a command starts it, waits for it, ends it, and ends with it where it will not stay."""

import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from ekiben.http.behind import folder_of
from ekiben.services.load import load
from tests.servers import Running, free_port, leftovers, serve_to_end, serving, wait_until_left
from tests.services.commanded import Guarded

COMMANDED = "tests.services.commanded"
EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "services"


def options() -> dict[str, str]:
    return {"FOREIGN_PORT": str(free_port())}


def until_pid_changes(running: Running, pid: int) -> int:
    """Wait for the command that was started in place of another; give its number."""
    end = time.monotonic() + 60
    while True:
        answer = running.http.get("/x")
        assert answer.status_code in (200, 502, 503), answer.text
        if answer.status_code == 200 and answer.json()["pid"] != pid:
            return int(answer.json()["pid"])
        assert time.monotonic() < end, running.log
        time.sleep(0.02)


def test_a_command_that_ends_is_started_again() -> None:
    """While it is away its paths get 502 or 503 and the service's own endpoints are answered; then all is well."""
    with serving(f"{COMMANDED}:Behind", env=options()) as running:
        told = running.http.get("/x").json()
        assert Path(told["folder"]) == Path.cwd()
        assert running.http.get("/end").status_code == 502
        seen = [running.http.get("/readyz").status_code for _ in range(3)]
        assert running.http.post("/double", json={"x": 1}).json() == 2
        until_pid_changes(running, told["pid"])
        running.wait_until_ready()
        assert 503 in seen
        assert "ended: exit status 3; it is started again in 0.5 s" in running.log
        away = [line for line in running.log.splitlines() if "Traceback" in line]
        assert away == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_nobody_is_left(how: signal.Signals) -> None:
    """However the server ends, its command ends, too."""
    with serving(f"{COMMANDED}:Behind", env=options()) as running:
        pid = running.http.get("/x").json()["pid"]
        assert pid in leftovers(running.pid)
        code = running.stop(how)
        assert code == (-signal.SIGKILL if how is signal.SIGKILL else 0)
        wait_until_left(running.pid, 30.0 if how is signal.SIGKILL else 0.0)
        assert leftovers(running.pid) == []


def test_children_of_the_command_end_with_it() -> None:
    """What the command started is of its group, and ends with it."""
    with serving(f"{COMMANDED}:WithChildren", env=options()) as running:
        assert len(leftovers(running.pid)) == 3
        assert running.stop(signal.SIGTERM) == 0
        assert leftovers(running.pid) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ending", ("error: the command `python` ended before port", "exit status 1", "no such model")),
        (
            "Missing",
            ("error: the first word of the command must be a program on the PATH: 'no-such-program'",),
        ),
    ],
)
def test_one_that_cannot_start_ends_the_server(name: str, words: tuple[str, ...]) -> None:
    """The server says why and leaves; no traceback is shown."""
    done = serve_to_end(f"{COMMANDED}:{name}", env=options())
    assert done.returncode != 0
    for each in words:
        assert each in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--workers", "2"), "`workers` must be 1"),
        (("--layout", "apart"), "`layout` must be inline"),
        (("--layout", "replicas"), "`layout` must be inline"),
        (("--lane", "fast"), "the app that is mounted at / covers /double"),
    ],
    ids=lambda more: " ".join(more) if isinstance(more, tuple) else "",
)
def test_what_does_not_go_together(more: tuple[str, ...], words: str) -> None:
    """What a command line asks for is held to the same rules, before anything is started."""
    done = serve_to_end(f"{COMMANDED}:Behind", *more, env=options())
    assert done.returncode != 0
    assert words in done.stdout + done.stderr


def test_tokens_guard_the_command() -> None:
    """Without a token nothing reaches the command, whatever the path; the probes stay open."""
    headers = {"authorization": "Bearer a-long-enough-token-for-a-test-0123456789"}
    variables: Mapping[str, str] = {**options(), "ONE_TOKEN": "a-long-enough-token-for-a-test-0123456789"}
    with serving(f"{COMMANDED}:Guarded", env=variables) as running:
        for path in ("/", "/x", "//readyz", "/readyz/", "/readyz/../x", "/docs/../x", "/%72eadyz/x"):
            assert raw_get(running, path) == 401, path
        assert running.http.get("/", headers=headers).json()["target"] == "/"


def raw_get(running: Running, path: str) -> int:
    """Ask for a path as it is written."""
    transport = httpx.HTTPTransport()
    request = httpx.Request("GET", running.url, extensions={"target": path.encode()})
    with httpx.Client(transport=transport, trust_env=False) as client:
        return client.send(request).status_code


def test_the_example() -> None:
    """The example of the docs: its own endpoint, and the counter behind it."""
    with serving("behind:Counted", cwd=EXAMPLES) as running:
        assert running.http.post("/double", json={"x": 21}).json() == 42
        assert [running.http.get("/any").text for _ in range(2)] == ["/any is request 1\n", "/any is request 2\n"]


def test_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command runs in the folder that the module is imported from, also where that is in a package."""
    (tmp_path / "parts_of_it").mkdir()
    code = "import ekiben\n@ekiben.service(cmd=['serve'])\nclass One: ...\n"
    (tmp_path / "alone_here.py").write_text(code)
    (tmp_path / "parts_of_it" / "__init__.py").write_text(code)
    (tmp_path / "parts_of_it" / "inner.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("alone_here", "parts_of_it", "parts_of_it.inner"):
        assert folder_of(load(f"{name}:One")) == tmp_path.resolve(), name
        del sys.modules[name]
    assert folder_of(replace(load(Guarded), origin=None)) == tmp_path.resolve()
