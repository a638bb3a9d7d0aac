"""`ekiben build` packs a project, and says so in the form that is asked for."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ekiben as package
from ekiben.core.errors import ConfigError
from tests.cli.conftest import Command
from tests.registry import fake_registry

SERVICE = """
import ekiben

@ekiben.service
class DigitsClassifier:
    model = ekiben.models.get("digits")

    @ekiben.api
    def predict(self, x: int) -> int:
        return x
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model, in the folder where commands are given."""
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "bentofile.yaml").write_text('service: "service:DigitsClassifier"\nlabels:\n  owner: own\n')
    with package.models.create("digits") as model:
        (model.path / "x").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")  # nobody answers: what is installed is locked
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    return tmp_path


def test_without_words(ekiben: Command, project: Path) -> None:
    """In a project's folder no argument is needed; the lines are those that people know (S001-35 to S001-40)."""
    ran = ekiben("build")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    found = re.fullmatch(
        rf'Building Ekiben service "(digitsclassifier:\w+)" from build context "{project}"\.', lines[0]
    )
    assert found
    assert re.fullmatch(r'Packing model "digits:\w+"', lines[1])
    assert re.fullmatch(r"Packing 2 files, \d+ bytes\.", lines[2])
    assert lines[3] == "Locking PyPI package versions."
    assert "packed once, eaten anywhere" in ran.out
    assert f'Successfully built Bento(tag="{found[1]}").' in lines
    assert "Possible next steps:" in lines
    assert f"     $ ekiben serve {found[1]}" in lines
    assert f"     $ ekiben export {found[1]}" in lines
    assert f"     $ ekiben push {found[1]} REGISTRY" in lines
    assert str(package.bentos.get("digitsclassifier").tag) == found[1]


def test_a_tag_for_scripts(ekiben: Command, project: Path) -> None:
    """With `-o tag` stdout is the tag alone; with `-o json` it is data; neither has a banner."""
    ran = ekiben("build", "-o", "tag", "--version", "v1")
    assert ran.out == "digitsclassifier:v1\n"
    assert "Packing model" in ran.err
    assert "Successfully" not in ran.err
    ran = ekiben("build", ".", "-o", "json", "--version", "v2", "--name", "digits", "--label", "a=b", "-q")
    assert ran.err == ""
    said = json.loads(ran.out)
    bento = package.bentos.get("digits:v2")
    assert (said["tag"], said["digest"], said["path"]) == ("digits:v2", bento.digest, str(bento.path))
    assert [each["tag"] for each in said["models"]] == [str(package.models.get("digits").tag)]
    assert dict(bento.labels) == {"owner": "own", "a": "b"}


def test_quiet(ekiben: Command, project: Path) -> None:
    """With `-q` nothing is said."""
    ran = ekiben("build", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert len(package.bentos.list()) == 1


def test_another_file(ekiben: Command, project: Path) -> None:
    """Settings may lie anywhere, and a service be named for this once."""
    (project / "small.yaml").write_text("service: service:DigitsClassifier\nname: small\n")
    assert ekiben("build", "-f", "small.yaml", "-o", "tag", "--version", "v1").out == "small:v1\n"
    (project / "bentofile.yaml").unlink()
    assert ekiben("build", "--service", "service.py:DigitsClassifier", "-o", "tag").code == 0


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        pytest.param("servce: a:A\n", "bentofile.yaml: there is no option `servce`", "`service`", id="a slip"),
        pytest.param("python: {packages: 3}\n", "bentofile.yaml: `python.packages` must be a list", "", id="a type"),
        pytest.param("service: gone:A\n", "is not there: 'gone:A'", "name a file", id="a service that is not there"),
        pytest.param("models: [gone]\n", "there is no model 'gone'", "", id="a model that is not there"),
        pytest.param("service: !!python/name:os.system\n", "is not a YAML document", "plain YAML", id="a tag of YAML"),
    ],
)
def test_what_is_wrong(text: str, words: str, hint: str, ekiben: Command, project: Path) -> None:
    """A wrong setting ends with its path and one hint; no traceback, and no bento."""
    (project / "bentofile.yaml").write_text(text)
    ran = ekiben("build")
    assert ran.code == 1
    assert words in ran.err
    assert hint in ran.err
    assert "Traceback" not in ran.err
    assert package.bentos.list() == []


def test_wrong_usage(ekiben: Command, project: Path) -> None:
    """A label is a pair, a form one of three, and what does not exist yet is no option."""
    for words in (["--label", "x"], ["-o", "yaml"], ["--containerize-now"]):
        assert ekiben("build", *words).code == 2


@pytest.mark.parametrize(
    ("folder", "what"), [("nowhere", "a folder that is there"), ("bentofile.yaml", "a folder, and")]
)
def test_no_folder(folder: str, what: str, ekiben: Command, project: Path) -> None:
    """What is no folder is told by the name that the command line has for it, and by Python's in Python."""
    (project / "bentofile.yaml").write_text("service: service\n")
    ran = ekiben("build", folder)
    assert ran.code == 1
    assert ran.err.startswith(f"error: FOLDER, the project, must be {what}")
    assert ran.err.endswith("hint: `ekiben build` alone packs the folder you are in\n")
    with pytest.raises(ConfigError, match=f"`build_ctx` must be {what}.*: '{folder}'"):
        package.build(build_ctx=folder)


def test_from_python(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`ekiben.build` gives the bento, and leaves stdout alone."""
    done = subprocess.run(
        [sys.executable, "-c", "import ekiben; print(repr(ekiben.build('service:DigitsClassifier', version='v3')))"],
        capture_output=True, text=True, check=True, timeout=100, cwd=project,
    )  # fmt: skip
    assert done.stdout == 'Bento(tag="digitsclassifier:v3")\n'
    assert 'Building Ekiben service "digitsclassifier:v3"' in done.stderr


def test_a_push_after_the_build(ekiben: Command, project: Path) -> None:
    """With `--push` the new bento is in the default registry; stdout stays what it was asked to be."""
    with fake_registry() as fake:
        ekiben("remote", "add", "team", f"{fake.host}/team")
        ran = ekiben("build", "--push", "-o", "tag", "--version", "v1")
        assert (ran.code, ran.out) == (0, "digitsclassifier:v1\n"), ran.err
        assert f"pushed digitsclassifier:v1 to {fake.host}/team/bentos/digitsclassifier:v1@sha256:" in ran.err
        assert ("team/bentos/digitsclassifier", "v1") in fake.manifests
        assert any(name == "team/models/digits" for name, _ in fake.manifests)


def test_a_push_to_nowhere_is_refused_before_the_build(ekiben: Command, project: Path) -> None:
    """Without a registry to push to nothing is built."""
    ran = ekiben("build", "--push")
    assert ran.code == 1
    assert "no remote is the default" in ran.err
    assert package.bentos.list() == []
