"""The drop-in bears BentoML's names and defaults, and does nothing itself."""

import ast
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import bentoml
import pytest
from bentoml.front import FRONT
from sklearn.linear_model import LogisticRegression
from xgboost import XGBRegressor

import ekiben
from ekiben import exceptions
from ekiben.testing import client
from tests.house.tree import ROOT

SOURCES = ROOT / "compat" / "bentoml" / "src"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def run(code: str, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run Python with the drop-in on the path."""
    return subprocess.run(
        [sys.executable, *(("-c", code) if code else ()), *words],
        env={**os.environ, "PYTHONPATH": str(SOURCES), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_is_light() -> None:
    """`import bentoml` loads no framework, no NumPy, no server; neither do its errors."""
    heavy = "{'tensorflow', 'keras', 'sklearn', 'numpy', 'pandas', 'starlette', 'uvicorn', 'pydantic', 'httpx'}"
    said = run(f"import sys, bentoml\nbentoml.exceptions\nprint({heavy} & set(sys.modules))")
    assert said.stdout.strip() == "set()", said.stderr


@pytest.mark.parametrize("name", [name for name in bentoml.__all__ if name != "__version__"])
def test_every_name_is_there(name: str) -> None:
    """A public name leads to something, and is one of those that `dir` lists."""
    assert getattr(bentoml, name) is not None
    assert name in dir(bentoml)


def test_a_missing_name_says_so() -> None:
    """A name of BentoML's that is not here yet is refused by its name."""
    with pytest.raises(AttributeError, match="has no `nothing`"):
        _ = bentoml.nothing


@pytest.mark.parametrize("name", exceptions.__all__)
def test_one_exception_catches_all(name: str) -> None:
    """`except BentoMLException` catches whatever Ekiben raises on purpose."""
    raised = getattr(exceptions, name)
    assert name == "Problem" or issubclass(raised, bentoml.exceptions.BentoMLException)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("BadInput", 400),
        ("InvalidArgument", 400),
        ("StateException", 400),
        ("NotFound", 404),
        ("UnprocessableEntity", 422),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_an_exception_has_its_status(name: str, status: int) -> None:
    """A service that raises one of BentoML's errors answers with its status."""
    error = getattr(bentoml.exceptions, name)("wrong")
    assert (error.status, str(error)) == (status, "wrong")


def test_models_are_kept_in_bentomls_home(folder: Path) -> None:
    """Without a variable the store is `~/bentoml`, and the model names the module that saved it."""
    saved = bentoml.sklearn.save_model("iris", LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    assert saved.path.is_relative_to(folder / "bentoml" / "models" / "iris")
    assert (saved.info.module, saved.info.format) == ("bentoml.sklearn", "joblib")
    assert bentoml.sklearn.load_model("iris").predict([[2.0]]).tolist() == [1]
    assert [model.tag for model in bentoml.models.list()] == [saved.tag]
    assert not (folder / ".ekiben").exists()


@pytest.mark.parametrize("name", ["catboost", "lightgbm", "mlflow", "onnx", "xgboost"])
def test_every_framework_is_there(name: str) -> None:
    """A framework's module has the functions of ours, and works in BentoML's home."""
    ours, theirs = getattr(ekiben, name), getattr(bentoml, name)
    assert set(theirs.__all__) >= set(ours.__all__)
    assert all(callable(getattr(theirs, function)) for function in theirs.__all__)
    with pytest.raises(exceptions.NotFound, match="thing"):
        theirs.get("thing")


def test_a_booster_in_bentomls_home(folder: Path) -> None:
    """An XGBoost model is kept under BentoML's module, file and option, so that BentoML itself reads it."""
    saved = bentoml.xgboost.save_model("rows", XGBRegressor(n_estimators=2).fit([[0.0], [1.0]], [0.0, 1.0]))
    assert saved.path.is_relative_to(folder / "bentoml")
    assert (saved.info.module, saved.info.options["model_class"]) == ("bentoml.xgboost", "XGBRegressor")
    assert (saved.path / "saved_model.ubj").is_file()


def test_a_model_named_in_a_class(folder: Path) -> None:
    """`BentoModel` finds what lies in BentoML's home, and the spec names it."""

    @bentoml.service
    class Reader:
        words = bentoml.models.BentoModel("words:latest")

        @bentoml.api
        def read(self) -> str:
            return str(self.words.tag)

    with bentoml.models.create("words") as saved:
        pass
    assert saved.path.is_relative_to(folder / "bentoml")
    assert (Reader().read(), Reader.models) == (str(saved.tag), [str(saved.tag)])
    assert [ref.resolved for ref in Reader.__ekiben_service__().spec.models] == [str(saved.tag)]
    assert bentoml.models.HuggingFaceModel("team/tiny").revision == "main"


def test_the_home_can_be_moved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BENTOML_HOME moves the store; EKIBEN_HOME does not."""
    monkeypatch.setenv("BENTOML_HOME", str(folder / "moved"))
    monkeypatch.setenv("EKIBEN_HOME", str(folder / "ours"))
    with bentoml.models.create("thing") as model:
        pass
    assert model.path.is_relative_to(folder / "moved" / "models")
    with pytest.raises(exceptions.NotFound) as caught:
        ekiben.models.get("thing")
    assert str(folder / "moved") in str(caught.value.hint)


def test_a_model_goes_out_and_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Export and import take the places that BentoML's take; a second import raises what its users catch."""
    with bentoml.models.create("thing") as model:
        (model.path / "weights").write_text("1")
    bentoml.models.export_model("thing:latest", str(folder / "out" / "thing.bentomodel"))
    monkeypatch.setenv("BENTOML_HOME", str(folder / "fresh"))
    again = bentoml.models.import_model(str(folder / "out" / "thing.bentomodel"))
    assert (again.tag, (again.path / "weights").read_text()) == (model.tag, "1")
    with pytest.raises(bentoml.exceptions.BentoMLException):
        bentoml.models.import_model(str(folder / "out" / "thing.bentomodel"))
    bentoml.models.delete(model.tag)
    assert bentoml.models.list() == []


def test_bentos_are_kept_in_bentomls_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bento is built, found, carried and deleted by BentoML's functions, in its home."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))  # the drop-in need not be installed
    (folder / "project").mkdir()
    (folder / "project" / "service.py").write_text(CHORES)
    built = bentoml.build("service:Chores", build_ctx=folder / "project", labels={"stage": "dev"})
    assert built.path.is_relative_to(folder / "bentoml" / "bentos" / "chores")
    assert bentoml.get("chores:latest").info.labels == {"stage": "dev"}
    file = bentoml.export_bento(built.tag, str(folder / "out.bento"))
    assert bentoml.delete(built.tag) == [built.tag]
    assert bentoml.list() == []
    assert bentoml.import_bento(file).digest == built.digest
    assert [bento.tag for bento in bentoml.bentos.list("chores")] == [built.tag]
    for share in (bentoml.push, bentoml.pull, bentoml.models.push, bentoml.models.pull):
        with pytest.raises(exceptions.EkibenError, match="remote"):
            share("chores")
    assert not (folder / ".ekiben").exists()


def test_the_flag_for_production(folder: Path) -> None:
    """`bentoml serve --production` is taken, and explained."""
    said = run("", "-m", "bentoml", "serve", "nothing:latest", "--production", "--port", "0")
    assert "--production changes nothing" in said.stderr
    assert "`bentoml list` and `bentoml models list` show what is stored" in said.stderr
    assert said.returncode == 1


def test_a_service_has_bentomls_style() -> None:
    """The spec of a decorated class carries BentoML's habits on the wire; the class stays itself."""
    Number = int  # noqa: N806 - a type; hints may name what is local, also as text

    @bentoml.service(name="echo")
    class Echo:
        @bentoml.api
        def echo(self, x: "Number") -> "Number":
            return x

    spec = Echo.__ekiben_service__().spec
    assert spec.name == "echo"
    assert spec.style.error_style == "object"
    assert spec.style.request_id_header == "X-BentoML-Request-ID"
    assert spec.style.server_header == "BentoML Service/{service}"
    assert spec.style.metrics_prefix == "bentoml_service"
    assert spec.endpoints[0].output["type"] == "integer"
    assert Echo().echo(3) == 3
    assert list(Echo.apis) == ["echo"]


def test_a_stream_is_sent_as_bentoml_sends_it() -> None:
    """A generator's text leaves as it is, under text/event-stream, whatever the caller accepts."""

    @bentoml.service
    class Streaming:
        @bentoml.api
        def tokens(self) -> Generator[str, None, None]:
            yield "a\n"
            yield "data: b\n\n"

    with client(Streaming) as found:
        for accept in ("*/*", "text/plain", "text/event-stream;data=json"):
            answer = found.request("POST", "/tokens", headers={"accept": accept})
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.text == "a\ndata: b\n\n"


def test_the_command_is_ekibens(folder: Path) -> None:
    """`bentoml` has Ekiben's commands, under its own name, in its own home."""
    with bentoml.models.create("thing") as model:
        pass
    listed = run("", "-m", "bentoml", "models", "list")
    assert str(model.tag) in listed.stdout, listed.stderr
    said = run("", "-m", "bentoml", "models", "list", "--help").stdout
    assert "Usage: bentoml models list" in said
    assert "ekiben" not in said.lower()
    missing = run("", "-m", "bentoml", "models", "get", "other")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: ")


def test_it_listens_where_bentoml_does() -> None:
    """The command listens on all addresses at port 3000, and reads BentoML's variables."""
    assert (FRONT.host, FRONT.style.default_port) == ("0.0.0.0", 3000)
    assert "BENTOML_PORT" in run("", "-m", "bentoml", "serve", "--help").stdout


def test_it_translates_and_does_nothing_else() -> None:
    """No module of the drop-in imports anything but Ekiben, what Ekiben itself is built on, and Python's library."""
    imported = set()
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
    built_on = {"click", "httpx", "numpy", "packaging", "prometheus_client", "pydantic", "starlette", "yaml"}
    assert imported - sys.stdlib_module_names - {"bentoml", "ekiben"} <= built_on


def test_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bentoml.task` has BentoML's routes, and its status for an answer that is not there yet."""
    monkeypatch.setenv("EKIBEN_HOME", str(tmp_path))
    (tmp_path / "drop_in_chores.py").write_text(CHORES)
    with client(f"{tmp_path / 'drop_in_chores.py'}:Chores") as found:
        task = found.add.submit(1)
        assert found.request("GET", "/add/get", params={"task_id": "x"}).status_code == 404
        assert task.get(timeout=60) == 2
        assert task.get_status().value == "completed"
        held = found.hold.submit()
        early = found.request("GET", "/hold/get", params={"task_id": held.id})
        assert (early.status_code, list(early.json())) == (400, ["error"])
        assert held.cancel().value == "canceled"


CHORES = """
import time
import bentoml

@bentoml.service
class Chores:
    @bentoml.task
    def add(self, a: int) -> int:
        return a + 1

    @bentoml.task
    def hold(self) -> None:
        time.sleep(600)
"""
