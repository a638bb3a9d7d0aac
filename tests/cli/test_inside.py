"""`ekiben serve TAG --env` becomes the Python of the bento's own environment."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ekiben
from ekiben.bundle.bento import build
from ekiben.bundle.wheels import digest
from ekiben.core.uv import find_uv
from ekiben.store.bentos import Bento
from tests.bundle.index import make_wheel
from tests.servers import serving

NOWHERE = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
SERVICE = """
import ekiben

@ekiben.service
class Iris:
    model = ekiben.models.get("iris")

    def __init__(self):
        self.loaded = self.model.load_model()

    @ekiben.api
    def classify(self, rows: list[list[float]]) -> list[int]:
        return self.loaded.predict(rows).tolist()

    @ekiben.api
    def place(self) -> str:
        return ekiben.__file__
"""
# What stands for Ekiben in an environment: it says how it was called, and waits for a signal where it is told to.
STAND_IN = """
import json, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
found = {"words": sys.argv[1:], "pid": os.getpid(), "python": sys.executable, "safe": sys.flags.safe_path}
print(json.dumps({**found, "path": os.environ.get("PYTHONPATH"), "home": os.environ["EKIBEN_HOME"]}), flush=True)
if "--drain" in sys.argv:
    signal.pause()
"""

# Another one removes all that it may, whenever the server reads what its bento is made from and when it becomes Python.
PRUNES = """
import sys, time

def prune(event, words):
    if event == "os.exec" or event == "open" and str(words[0]).endswith("requirements.lock.txt"):
        from ekiben.bundle.environment import prune_environments
        print("pruned at", event, prune_environments(time.time() + 1000), file=sys.stderr)

sys.addaudithook(prune)
"""


@pytest.fixture
def bento(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bento:
    """Give a bento whose environment has a stand-in for Ekiben, and needs no index."""
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/service.py").write_text(SERVICE.replace('ekiben.models.get("iris")', "None"))
    made = build(build_ctx=tmp_path / "project", version="v1", tell=lambda _: None)
    folder = made.path / "env/python"
    (folder / "wheels/ekiben-0.1.0-py3-none-any.whl").unlink()
    wheel = make_wheel(folder / "wheels", "ekiben", "0.1.0", files={"ekiben.py": STAND_IN})
    (folder / "requirements.lock.txt").write_text(f"--no-index\nekiben==0.1.0 --hash={digest(wheel)}\n")
    return made


def run(*words: str, cwd: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command line elsewhere."""
    command = [sys.executable, "-P", "-m", "ekiben", *words]
    environ = {**os.environ, **NOWHERE, "EKIBEN_HOME": str(home)}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=100, check=False)


def test_it_becomes_that_python(bento: Bento, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same process goes on as that Python, with the same words but one; what stands in the folder is not read."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    (tmp_path / "ekiben.py").write_text("raise SystemExit('the wrong one')")
    words = ("--home", str(home), "serve", "bento:iris", "--env", "--port", "8123")
    done = run(*words, cwd=tmp_path, home=home)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["words"] == ["--home", str(home), "serve", "bento:iris", "--port", "8123"]
    assert Path(found["python"]).is_relative_to(home / "environments")
    assert (found["safe"], found["path"], found["home"]) == (True, None, str(home))
    assert "Making the environment of the bento." in done.stderr
    again = run(*words, cwd=tmp_path, home=home)
    assert json.loads(again.stdout)["python"] == found["python"]
    assert "Making" not in again.stderr


@pytest.mark.parametrize("target", ["iris", "iris:v1", "iris:latest"])
def test_a_model_has_the_same_name(target: str, bento: Bento, tmp_path: Path, home: Path) -> None:
    """A bare tag means the bento inside too, whatever else has that name; values of options stay as they are."""
    (tmp_path / target).mkdir()
    words = ("serve", "--working-dir", target, target, "--env", "--host", "localhost")
    found = json.loads(run(*words, cwd=tmp_path, home=home).stdout)
    assert found["words"] == ["serve", "--working-dir", target, f"bento:{target}", "--host", "localhost"]


def test_signals_reach_it(bento: Bento, tmp_path: Path, home: Path) -> None:
    """The process keeps its number, so a signal and an exit code are those of the server inside."""
    command = [sys.executable, "-m", "ekiben", "serve", "iris:v1", "--env", "--drain", "1"]
    environ = {**os.environ, **NOWHERE, "EKIBEN_HOME": str(home)}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        assert found["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 7


def test_nobody_removes_it_on_the_way(bento: Bento, tmp_path: Path, home: Path) -> None:
    """Whoever prunes after the environment was made, before its Python starts, takes nothing from under the server."""
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(PRUNES)
    command = [sys.executable, "-m", "ekiben", "serve", "iris:v1", "--env"]
    environ = {**os.environ, **NOWHERE, "EKIBEN_HOME": str(home), "PYTHONPATH": str(hook)}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100, check=False)
    pruned = {line for line in done.stderr.splitlines() if line.startswith("pruned")}
    assert pruned == {"pruned at open []", "pruned at os.exec []"}
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["python"]).exists()
    gone = run("prune", "--environments", "0", cwd=tmp_path, home=home)
    assert "removed the environment" in gone.stderr, "it is let go with the server"


def test_damage_is_said(bento: Bento, tmp_path: Path, home: Path) -> None:
    """An environment that was damaged is made again before anything is served."""
    first = run("serve", "iris", "--env", cwd=tmp_path, home=home)
    next((home / "environments").glob("*/venv/lib/*/site-packages/ekiben.py")).write_text("cut")
    done = run("serve", "iris", "--env", cwd=tmp_path, home=home)
    assert "it is made again" in done.stderr
    assert json.loads(done.stdout)["python"] == json.loads(first.stdout)["python"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["service:Iris"], "`--env` needs a bento", id="a module"),
        pytest.param(["."], "`--env` needs a bento", id="a folder of sources"),
        pytest.param(["bento:nothing"], "no bento", id="a bento that is not there"),
        pytest.param(["iris", "other"], "`--env` serves one bento", id="two targets"),
    ],
)
def test_what_has_no_environment(words: list[str], expected: str, tmp_path: Path, home: Path) -> None:
    """What is no bento has no environment, and nothing is made."""
    (tmp_path / "service.py").write_text(SERVICE)
    done = run("serve", *words, "--env", cwd=tmp_path, home=home)
    assert done.returncode != 0
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "environments").exists()


def test_a_folder(bento: Bento, tmp_path: Path, home: Path) -> None:
    """A bento that lies in a folder is served in its environment, too."""
    bento.path.rename(tmp_path / "here")
    for words in (["./here"], [".", "--working-dir", "here"]):
        assert run("serve", *words, "--env", cwd=tmp_path, home=home).returncode == 0


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_it_answers(tmp_path: Path, home: Path) -> None:
    """A bento whose settings name no package answers in its own environment, from another folder."""
    command = [find_uv("a test"), "pip", "compile", "--quiet", "--refresh", "-"]
    asked = subprocess.run(
        command, input="packaging", capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    if asked.returncode:
        pytest.skip("no index of packages can be reached from this machine")
    svm = pytest.importorskip("sklearn.svm")
    classifier = svm.SVC().fit([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], [0, 2])
    ekiben.sklearn.save_model("iris", classifier)
    (tmp_path / "project").mkdir()
    (tmp_path / "project/service.py").write_text(SERVICE)
    build(build_ctx=tmp_path / "project", version="v1", tell=lambda _: None)
    (tmp_path / "elsewhere").mkdir()
    with serving("iris:v1", "--env", cwd=tmp_path / "elsewhere", wait=False) as server:
        server.wait_until_ready(300)
        assert server.http.post("/classify", json={"rows": [[5.1, 3.5, 1.4, 0.2]]}).json() == [0]
        place = server.http.post("/place", json={}).text
        assert Path(place).is_relative_to(home / "environments")
