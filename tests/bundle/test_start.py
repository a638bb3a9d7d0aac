"""The environment of a bento starts: locked and made from the machine's own index, it loads the model and answers."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import ekiben
from ekiben.bundle.environment import child_environ, make_environment
from ekiben.bundle.lock import lock
from ekiben.bundle.options import PythonOptions
from ekiben.core.uv import find_uv
from ekiben.frameworks.handle import Model

ASK = """
import json, sys
import ekiben
from importlib.metadata import version
model = ekiben.sklearn.load_model(sys.argv[1])
found = {"answer": model.predict([[5.1, 3.5, 1.4, 0.2]]).tolist(), "sklearn": version("scikit-learn")}
print(json.dumps({**found, "ekiben": ekiben.__file__, "names": sorted(sys.modules)}))
"""


@pytest.fixture
def _default_index(_uv_by_itself: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let uv ask what it asks on this machine, and skip where that does not answer."""
    for name in ("UV_DEFAULT_INDEX", "UV_HTTP_RETRIES", "UV_CACHE_DIR"):
        monkeypatch.delenv(name)
    (tmp_path / "one.in").write_text("packaging\n")
    command = [find_uv("a test"), "pip", "compile", "--quiet", "--refresh", str(tmp_path / "one.in")]
    if subprocess.run(command, capture_output=True, cwd=tmp_path, timeout=60, check=False).returncode:
        pytest.skip("no index of packages can be reached from this machine")


@pytest.fixture
def model() -> Model:
    """Give a stored classifier."""
    svm = pytest.importorskip("sklearn.svm")
    classifier = svm.SVC().fit([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], [0, 2])
    return ekiben.sklearn.save_model("iris", classifier)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_default_index")
def test_it_starts(project: Path, model: Model, home: Path) -> None:
    """What names no framework gets the model's, with hashes, and predicts in an environment of its own."""
    said: list[str] = []
    folder = project / "env"
    found = lock(PythonOptions(), context=project, models=[model.info], wheels=folder / "wheels", tell=said.append)
    assert found.has_hashes, said
    found.write(folder)
    (folder / "version.txt").write_text(found.target.python)
    python = make_environment(folder, platform=found.target.platform, tell=said.append)
    environ = child_environ(python, {**os.environ, "EKIBEN_HOME": str(home)})
    done = [str(python), "-c", ASK, str(model.tag)]
    printed = subprocess.run(done, capture_output=True, text=True, timeout=100, env=environ, cwd=project, check=False)
    assert printed.returncode == 0, printed.stderr
    answer = json.loads(printed.stdout)
    assert answer["answer"] == [0]
    assert answer["sklearn"] == model.info.context["framework_versions"]["scikit-learn"]
    assert answer["ekiben"].startswith(str(python.parents[1]))
    assert any(line.startswith("scikit-learn==") and "saved with it" in line for line in said)
    helped = [str(python.parent / "ekiben"), "--version"]
    assert subprocess.run(helped, capture_output=True, text=True, timeout=60, check=True).stdout.startswith("ekiben ")
