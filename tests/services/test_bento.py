"""A bento is served with its own code and models, whatever became of the project and the store."""

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.bundle import bento as bundle
from ekiben.core.errors import CorruptItem, NotFound, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.services.bento import bind_bento, packed_source
from ekiben.services.load import load
from ekiben.store.bentos import Bento, bento_store
from ekiben.store.carried import VARIABLE
from ekiben.store.travel import export_bento
from tests.servers import serve_to_end, serving

SERVICE = """
from pathlib import Path

import ekiben
from words import GREETING

@ekiben.service(labels={"team": "own", "kept": "yes"}, envs=[{"name": "LEVEL", "value": "1"}])
class Greeter:
    held = ekiben.models.get("words")

    def __init__(self):
        self.latest = ekiben.models.get("words:latest")

    @ekiben.api
    def greet(self) -> dict[str, str]:
        return {"said": GREETING, "held": str(self.held.tag), "latest": str(self.latest.tag), "text": self.read()}

    def read(self) -> str:
        try:
            return Path("data.txt").read_text()
        except OSError:
            return "no data"

    @ekiben.api
    def watch(self) -> None:
        with ekiben.monitor("greetings") as mon:
            mon.log("x", name="said", role="prediction", data_type="categorical")
"""


@pytest.fixture(autouse=True)
def _process_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no module, path or variable of a bento behind."""
    monkeypatch.setenv(VARIABLE, os.environ.get(VARIABLE, ""))
    for name in ("service", "words"):  # of a project that another test had
        sys.modules.pop(name, None)
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name in ("service", "words") or "@" in name:
            del sys.modules[name]


def build(*service: str, **options: Any) -> Bento:
    """Build without a lock, so that no index is asked."""
    return bundle.build(*service, python={"lock_packages": False}, tell=lambda _: None, **options)


def save(version: str) -> str:
    with ekiben.models.create(f"words:{version}") as model:
        (model.path / "x").write_text(version)
    return str(model.tag)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose first model is in the store."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "service.py").write_text(SERVICE)
    (folder / "words.py").write_text("GREETING = 'then'\n")
    (folder / "data.txt").write_text("packed")
    save("v1")
    return folder


@pytest.fixture
def bento(project: Path) -> Bento:
    """Its bento; afterwards everything that it was made of has changed."""
    made = build(build_ctx=project, version="v1", labels={"stage": "dev", "team": "over"})
    (project / "words.py").write_text("GREETING = 'now'\n")
    (project / "data.txt").write_text("changed")
    (project / "ekiben.yaml").write_text("traffic: {timeout: 7}\n")
    save("v2")
    return made


def answer(bound: BoundService) -> Any:
    return bound.create({}).greet()


def test_it_is_what_was_built(bento: Bento, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded in the folder of the changed project, by its tag, a bento is what it was."""
    monkeypatch.chdir(project)
    for target in ("greeter:v1", "greeter", "bento:greeter:latest", str(bento.path)):
        bound = load(target)
        said = answer(bound)
        assert (said["said"], said["held"], said["latest"]) == ("then", "words:v1", "words:v1")
        assert bound.spec.limits.timeout == 60.0, "the settings of the folder are not the bento's"
        assert bound.spec.version == "v1"
        assert packed_source(bound) == bento.source.resolve()
    assert answer(load("service:Greeter", folder=project))["latest"] == "words:v2"


def test_what_the_bento_says(bento: Bento) -> None:
    """Labels and variables of the build stand over those of the class."""
    spec = bind_bento(bento).spec
    assert dict(spec.labels) == {"team": "over", "kept": "yes", "stage": "dev"}
    assert [dict(env) for env in spec.envs] == [{"name": "LEVEL", "value": "1", "stage": "all"}]


def test_two_in_one_process(bento: Bento, project: Path) -> None:
    """Two versions, and the project itself, share a process, and none has a module of another."""
    second = build(build_ctx=project, version="v2")
    said = {name: answer(load(name, folder=project)) for name in ("service:Greeter", "greeter:v1", "greeter:v2")}
    assert {name: (each["said"], each["held"]) for name, each in said.items()} == {
        "service:Greeter": ("now", "words:v2"), "greeter:v1": ("then", "words:v1"), "greeter:v2": ("now", "words:v2"),
    }  # fmt: skip
    assert second.digest != bento.digest


def test_a_model_of_the_same_name(bento: Bento, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A bento goes before a model of its name, which is told; each can be named apart."""
    logging.getLogger("ekiben").propagate = True
    with ekiben.models.create("greeter") as model:
        (model.path / "x").write_text("")
    with caplog.at_level("INFO", "ekiben"):
        assert load("greeter", folder=tmp_path).spec.name == "Greeter"
    assert f"greeter is the bento {bento.tag}; `model:greeter` is the stored model {model.tag}" in caplog.text
    assert load("bento:greeter", folder=tmp_path).spec.name == "Greeter"
    with pytest.raises(ServiceLoadError, match="names no method to serve"):
        load("model:greeter", folder=tmp_path)
    assert load(f"greeter:{bento.tag.version}", folder=tmp_path).spec.version == bento.tag.version


def test_a_module_of_the_same_name(bento: Bento, tmp_path: Path) -> None:
    """A file that bears the name of a bento is another reading of it: both are told, and nothing is loaded."""
    (tmp_path / "greeter.py").write_text("raise RuntimeError('imported')")
    with pytest.raises(ServiceLoadError, match="2 ways") as caught:
        load("greeter", folder=tmp_path)
    assert "`bento:greeter` for the bento" in (caught.value.hint or "")


NAMED = """
import ekiben

@ekiben.service
class Inner:
    named = ekiben.models.BentoModel("words:latest")

    @ekiben.api
    def call(self) -> str:
        return str(self.named.tag)

@ekiben.service
class Outer:
    inner = ekiben.depends(Inner)
    named = ekiben.models.BentoModel("words")
    remote = ekiben.models.HuggingFaceModel("owner/name")

    @ekiben.api
    def call(self) -> list[str]:
        return [str(self.named.tag), self.inner.call()]
"""


def test_models_that_are_named(project: Path, home: Path) -> None:
    """Models that a class only names are found by the build, and told and given as they were then."""
    (project / "service.py").write_text(NAMED)
    bento = build("service:Outer", build_ctx=project)
    save("v2")
    assert [str(model.tag) for model in bento.info.models] == ["words:v1"]
    refs = bento.info.services[-1]["spec"]["models"]
    assert [ref["registry"] for ref in refs] == [None, "huggingface"]
    bound = load("outer", folder=home)
    (inner,) = (bind() for bind in bound.dependencies.values())
    assert [bound.spec.models[0].resolved, inner.spec.models[0].resolved] == ["words:v1", "words:v1"]
    assert inner.create({}).call() == "words:v1"
    with serving("outer", cwd=project) as server:
        assert server.http.post("/call").json() == ["words:v1", "words:v1"]


def test_a_missing_model(bento: Bento, tmp_path: Path) -> None:
    """Without its models a bento is not served, and the error says which is missing."""
    ekiben.models.delete("words:v1")
    with pytest.raises(NotFound, match="the bento greeter:v1 needs the model words:v1"):
        load("greeter", folder=tmp_path)


def test_a_model_that_it_never_had(project: Path, tmp_path: Path) -> None:
    """A model that the code asks for in a way that the build did not see is told, not guessed."""
    text = SERVICE.replace('get("words:latest")', 'get("words:lat" + "est")').replace('get("words")', 'get("held")')
    (project / "service.py").write_text(text)
    with ekiben.models.create("held") as model:
        (model.path / "x").write_text("")
    build(build_ctx=project)
    with pytest.raises(NotFound, match="carries held:") as caught:
        load("greeter", folder=tmp_path).create({})
    assert "under `models`" in (caught.value.hint or "")
    build(build_ctx=project, models=["words"])
    assert answer(load("greeter", folder=tmp_path))["latest"] == "words:v1"


def test_a_folder_with_models_inside(bento: Bento, home: Path, tmp_path: Path) -> None:
    """An unpacked bento with its models inside is served from where it lies, without any store."""
    place = export_bento(bento, tmp_path / "unpacked", output_format="folder")
    for name in ("bentos", "models"):
        shutil.rmtree(home / name)
    said = answer(load("unpacked", folder=tmp_path))
    assert (said["said"], said["held"], said["latest"]) == ("then", "words:v1", "words:v1")
    assert place == str(tmp_path / "unpacked")


@pytest.mark.parametrize("service", ["../../../outside.py:X", "/etc/x.py:X", "json:loads", "service:Nobody", "outside"])
def test_a_service_outside_of_the_code(service: str, bento: Bento, tmp_path: Path) -> None:
    """A bento cannot name code that is not its own, and what it names is not run."""
    for folder in (bento.path.parents[2], bento.path.parents[1], bento.path.parent, bento.path):
        (folder / "outside.py").write_text(f"open({str(tmp_path / 'hacked')!r}, 'w')\n")
    description = bento.path / "bento.yaml"
    description.write_text(description.read_text().replace("service: service.py\n", f"service: {service}\n", 1))
    with pytest.raises((CorruptItem, ServiceLoadError)):
        load("greeter", folder=tmp_path)
    assert not (tmp_path / "hacked").exists()


def test_no_code(bento: Bento, tmp_path: Path) -> None:
    """A bento whose code is gone says so."""
    shutil.rmtree(bento.source)
    with pytest.raises(CorruptItem, match="has no code"):
        load("greeter", folder=tmp_path)


@pytest.mark.parametrize("options", [[], ["--workers", "2"], ["--layout", "apart", "--workers", "2"]], ids=" ".join)
def test_a_server(options: list[str], bento: Bento, project: Path) -> None:
    """Served from the folder of the changed project, in every layout, a bento reads and says what was packed.

    What it writes stands where the server was started, and nothing in the bento changes.
    """
    with serving("greeter", *options, cwd=project) as server:
        said = server.http.post("/greet", json={}).json()
        assert said == {"said": "then", "held": "words:v1", "latest": "words:v1", "text": "packed"}
        assert server.http.post("/watch", json={}).status_code == 200
        assert server.http.get("/docs.json").json()["info"]["version"] == "v1"
    assert list((project / "monitoring/greetings/data").iterdir())
    bento_store().verify("greeter")


def test_a_module_that_was_not_packed(project: Path) -> None:
    """A module of the folder that the server is started in does not stand in for one that the bento lacks."""
    (project / "service.py").write_text(
        SERVICE.replace("def read(self) -> str:", "def read(self) -> str:\n        import late")
    )
    (project / "late.py").write_text("")
    build(build_ctx=project, exclude=["late.py"])
    with serving("greeter", cwd=project) as server:
        assert server.http.post("/greet", json={}).status_code == 500
        assert "No module named 'late'" in server.log


def test_words_of_the_command(bento: Bento, project: Path) -> None:
    """A bento that cannot be served ends the command with words, not with a traceback."""
    ekiben.models.delete("words:v1")
    done = serve_to_end("bento:greeter:v1", cwd=project)
    assert done.returncode == 1
    assert "error: the bento greeter:v1 needs the model words:v1" in done.stderr
    assert "Traceback" not in done.stderr
