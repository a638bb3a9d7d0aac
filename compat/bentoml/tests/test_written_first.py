"""Projects that were written from the documentation alone, before the translator was read, run as they are.

In: `written_first/GENERATION/NAME`, a project and its `case.yaml`. Out: each is prepared, served and asked in
processes of its own, with a home of its own; nothing of it is changed. The keys stand in `written_first/README.md`.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers import Running, free_port, starting

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("written_first/*/*/case.yaml"))
GENERATIONS = ("bundles", "classes", "runners")
HEALTH = {"bundles": "/healthz", "runners": "/readyz", "classes": "/readyz"}
COMMAND_S = 120.0  # training, building and locking, on a busy machine
# The interpreter of an environment that holds BentoML itself: the projects are tried on it, to judge what they expect.
ORIGINAL = os.environ.get("WRITTEN_FIRST_PYTHON")
READY_S = 180.0  # until a server is well, there
METHODS = ("get", "post", "put", "delete")


@dataclass(frozen=True, slots=True)
class Project:
    """A copy of one project, and the environment in which its commands run."""

    folder: Path
    generation: str
    case: Mapping[str, Any]
    env: Mapping[str, str]

    @property
    def place(self) -> Path:
        """Where it is served from."""
        return self.folder / self.case.get("cwd", ".")


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("source", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_runs_unmodified(source: Path, tmp_path: Path, installed: Path) -> None:
    """A project that was written from the documentation alone is prepared, served and answers as expected."""
    project = copied(source, tmp_path, installed)
    wrong = [problem for step in project.case.get("prepare", []) for problem in run(project, step, project.folder)]
    assert wrong == []
    with served(project) as server:
        wrong = ask_all(project, server)
        server.stop()
        wrong += [f"not logged: {words!r}" for words in project.case.get("log", []) if words not in server.log]
        assert wrong == []


def test_ten_a_generation() -> None:
    """There are ten projects of each generation, and each says when it was written."""
    assert {name: sum(case.parent.name == name for case in CASES) for name in GENERATIONS} == dict.fromkeys(
        GENERATIONS, 10
    )
    silent = [
        str(path.relative_to(HERE))
        for case in CASES
        for path in (case / "case.yaml", *case.glob("*.py"))
        if "written before the translator was read" not in path.read_text()
    ]
    assert silent == []


def copied(source: Path, place: Path, installed: Path) -> Project:
    """Copy a project, so that its folder stays clean; give it a home, and the drop-in."""
    folder = place / source.name
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    case = yaml.safe_load((folder / "case.yaml").read_text())
    (folder / "case.yaml").unlink()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("EKIBEN_", "BENTOML_"))}
    env |= {"BENTOML_HOME": str(place / "home"), "BENTOML_DO_NOT_TRACK": "True", "PYTHONUNBUFFERED": "1"}
    if ORIGINAL is None:
        env["PYTHONPATH"] = str(installed)
    return Project(folder, source.parent.name, case, env | case.get("env", {}))


def run(project: Project, step: str | Mapping[str, Any], cwd: Path, **known: object) -> list[str]:
    """Run a command of a project; list what was not as expected."""
    step = {"run": step} if isinstance(step, str) else step
    words = shlex.split(step["run"]) if isinstance(step["run"], str) else step["run"]
    words = [word.replace("{url}", str(known.get("url"))) for word in words]
    done = subprocess.run(
        [*program(words[0]), *words[1:]],
        cwd=cwd,
        env=project.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    said = done.stdout + done.stderr
    wrong = [f"does not say {part!r}" for part in step.get("says", []) if part not in said]
    if (done.returncode != 0) != step.get("fails", False):
        wrong.append(f"ended with {done.returncode}")
    if "prints" in step and done.stdout != step["prints"]:
        wrong.append(f"prints other than {step['prints']!r}")
    return [f"{shlex.join(words)}: {problem}\n{said}" for problem in wrong]


def program(name: str) -> list[str]:
    """Find what a first word of a command runs."""
    python = ORIGINAL or sys.executable
    return {"python": [python], "bentoml": [python, "-m", "bentoml"]}[name]


@contextmanager
def served(project: Project) -> Iterator[Running]:
    """Serve a project as its case says, on a free port."""
    port = free_port()
    words = shlex.split(project.case.get("serve_command") or f"serve {project.case['serve']}")
    command = [*program("bentoml"), *words, "--port", str(port)]
    with starting(command, port, cwd=project.place, env=project.env) as server:
        wait_until_well(server, project.case.get("ready", HEALTH[project.generation]))
        yield server


def wait_until_well(server: Running, route: str) -> None:
    """Wait until the route of this generation says 200; fail at once when the process has ended."""
    end = time.monotonic() + READY_S
    while True:
        try:
            if server.http.get(route).status_code == 200:
                return
        except httpx.TransportError:
            pass  # nobody listens yet
        assert server.process.poll() is None, f"the server ended with {server.process.returncode}:\n{server.log}"
        assert time.monotonic() < end, f"the server was not well in {READY_S:g} s:\n{server.log}"
        time.sleep(0.05)


def ask_all(project: Project, server: Running) -> list[str]:
    """Send the requests in their order, then those of `many` at once, then run the scripts; list what went wrong."""
    case = project.case
    wrong = [problem for asked in case.get("ask", []) for problem in ask(project, server, asked)]
    crowd = [asked for number in range(50) for asked in case.get("many", []) if number < asked["times"]]
    with ThreadPoolExecutor(8) as pool:
        wrong += [problem for found in pool.map(lambda asked: ask(project, server, asked), crowd) for problem in found]
    wrong += [problem for asked in case.get("then", []) for problem in ask(project, server, asked)]
    for step in case.get("scripts", []):
        wrong += run(project, step, project.place, url=server.url)
    return wrong


def ask(project: Project, server: Running, asked: Mapping[str, Any]) -> list[str]:
    """Send one request; list what in the answer was not as expected."""
    [method] = [method for method in METHODS if method in asked]
    answer = server.http.request(method, asked[method], **content(project.place, asked), follow_redirects=True)
    wrong = [f"status {answer.status_code}"] if answer.status_code != asked.get("status", 200) else []
    for name, value in asked.get("with", {}).items():
        if value.lower() not in answer.headers.get(name, "").lower():
            wrong.append(f"header {name} is {answer.headers.get(name)!r}, not {value!r}")
    wrong += [f"lacks {part!r}" for part in asked.get("says", []) if part not in answer.text]
    wrong += [f"shows {part!r}" for part in asked.get("never", []) if part in answer.text]
    if "text" in asked and answer.text != asked["text"]:
        wrong.append(f"is not {asked['text']!r}")
    if "answer" in asked and not is_alike(parsed(answer), asked["answer"]):
        wrong.append(f"is not {asked['answer']!r}")
    if "has" in asked and not is_alike(only(parsed(answer), asked["has"]), asked["has"]):
        wrong.append(f"has not {asked['has']!r}")
    return [f"{method} {asked[method]}: {problem}: {answer.text[:600]}" for problem in wrong]


def content(place: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Give what httpx takes for the request's body and headers."""
    given: dict[str, Any] = {"headers": asked.get("headers", {})}
    if "json" in asked:
        given["json"] = asked["json"]
    if "body" in asked:
        given["content"] = asked["body"].encode()
    if "body_file" in asked:
        given["content"] = (place / asked["body_file"]).read_bytes()
    if "form" in asked:
        given["data"] = asked["form"]
    if "files" in asked:
        given["files"] = {name: part(place, *words) for name, words in asked["files"].items()}
    return given


def part(place: Path, name: str, *words: str) -> tuple[str | None, bytes, str]:
    """Give one part of a multipart body: a file of the project, or after `@` the text itself."""
    if name == "@":
        return None, words[0].encode(), words[1]
    return name, (place / name).read_bytes(), words[0]


def parsed(answer: httpx.Response) -> Any:
    """Give the JSON of an answer, or its text if it is none."""
    try:
        return answer.json()
    except json.JSONDecodeError:
        return answer.text


def only(value: Any, wanted: Mapping[str, Any]) -> Any:
    """Leave out of a record what nobody asked about."""
    return {name: value.get(name) for name in wanted} if isinstance(value, dict) else value


def is_alike(value: Any, wanted: Any) -> bool:
    """Say whether two JSON values are equal, numbers within six digits, a truth never a number."""
    if isinstance(wanted, dict):
        return (
            isinstance(value, dict)
            and value.keys() == wanted.keys()
            and all(map(is_alike, value.values(), (wanted[name] for name in value)))
        )
    if isinstance(wanted, list):
        return isinstance(value, list) and len(value) == len(wanted) and all(map(is_alike, value, wanted))
    if isinstance(wanted, bool) or isinstance(value, bool) or not isinstance(wanted, int | float):
        return type(value) is type(wanted) and value == wanted
    return isinstance(value, int | float) and value == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "wanted", "alike"),
    [
        pytest.param([1, 2.0], [1.0, 2], True, id="a whole number is the same as a float"),
        pytest.param(1, True, False, id="a number is no truth"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, False, id="a missing field is seen"),
        pytest.param({"a": 1, "b": 2}, {"a": 1}, False, id="a field too much is seen"),
        pytest.param([0], [0, 0], False, id="a missing item is seen"),
        pytest.param("0", 0, False, id="a text is no number"),
        pytest.param(None, None, True, id="nothing is nothing"),
    ],
)
def test_is_alike(value: Any, wanted: Any, alike: bool) -> None:
    """Answers are compared as JSON, so that a wrong one is not taken for a right one."""
    assert is_alike(value, wanted) is alike
