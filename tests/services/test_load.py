"""Targets name services: by module, file, folder and tag; what is wrong is said at the user's line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.svm import SVC

import ekiben
import ekiben.sklearn
from ekiben import models
from ekiben.core.errors import NotFound, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.services import load as load_room
from ekiben.services.load import load

SERVICE = """
import ekiben

@ekiben.service
class First:
    @ekiben.api
    def call(self) -> int:
        return {number}
"""


@pytest.fixture(autouse=True)
def _modules_left_alone() -> Iterator[None]:
    """Forget what a test imported, and where from."""
    modules, path = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(folder: Path, **files: str) -> None:
    """Write Python files; `a__b` is b.py in the folder a."""
    for name, text in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def call(bound: BoundService) -> Any:
    """Make the instance, and call it."""
    return bound.create({}).call()


def refuse(target: Any, folder: Path) -> ServiceLoadError:
    with pytest.raises(ServiceLoadError) as caught:
        load(target, folder=folder)
    return caught.value


@pytest.mark.parametrize("target", ["svc:First", "svc", "svc.py:First", "svc.py", "./svc.py:First"])
def test_modules_and_files(target: str, tmp_path: Path) -> None:
    """A module is named with or without `.py`, and its only service need not be named."""
    write(tmp_path, svc=SERVICE.format(number=1))
    bound = load(target, folder=tmp_path)
    assert (bound.spec.name, bound.origin, call(bound)) == ("First", "svc:First", 1)


def test_attributes_of_attributes(tmp_path: Path) -> None:
    """A target goes on into an attribute: `file.py:holder.svc`."""
    write(tmp_path, svc=SERVICE.format(number=1) + "\nclass holder:\n    svc = First\n")
    assert call(load("svc.py:holder.svc", folder=tmp_path)) == 1


@pytest.mark.parametrize("target", ["pkg.svc:First", "pkg/svc.py:First"])
def test_packages(target: str, tmp_path: Path) -> None:
    """A module of a package may import its neighbours relatively, however it is named."""
    text = "from .number import NUMBER\n" + SERVICE.format(number="NUMBER")
    write(tmp_path, pkg__svc=text, pkg__number="NUMBER = 4")
    (tmp_path / "pkg" / "__init__.py").touch()
    assert call(load(target, folder=tmp_path)) == 4


@pytest.mark.parametrize("name", ["serve", "models", "http", "queue", "load", "ekiben_service"])
def test_names_that_others_have(name: str, tmp_path: Path) -> None:
    """A module of the user's is that file, even if Python or Ekiben has one of this name, which stays."""
    before = sys.modules.get(name)
    write(tmp_path, **{name: SERVICE.format(number=5)})
    assert call(load(f"{name}:First", folder=tmp_path)) == 5
    assert before is None or sys.modules[name] is before


def test_two_folders_one_name(tmp_path: Path) -> None:
    """Two projects whose modules bear one name are told apart."""
    write(tmp_path, a__service=SERVICE.format(number=1), b__service=SERVICE.format(number=2))
    assert call(load("service:First", folder=tmp_path / "a")) == 1
    assert call(load("service:First", folder=tmp_path / "b")) == 2


def test_nothing_is_written(tmp_path: Path) -> None:
    """Importing a service leaves no bytecode in its folder."""
    write(tmp_path, svc="import helper\n" + SERVICE.format(number=1), helper="")
    load("svc:First", folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["helper.py", "svc.py"]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"service.py": SERVICE.format(number=1)}, id="service.py"),
        pytest.param({"bentofile.yaml": "service: svc:First\n", "svc.py": SERVICE.format(number=1)}, id="bentofile"),
        pytest.param(
            {"pyproject.toml": '[tool.ekiben.build]\nservice = "svc.py:First"\n', "svc.py": SERVICE.format(number=1)},
            id="pyproject",
        ),
    ],
)
@pytest.mark.parametrize("target", ["project", "./project", "."])
def test_folders(files: dict[str, str], target: str, tmp_path: Path) -> None:
    """A folder is served by what its settings name, else by its `service.py`."""
    project = tmp_path / "project"
    project.mkdir()
    for name, text in files.items():
        (project / name).write_text(text)
    assert call(load(target, folder=project if target == "." else tmp_path)) == 1


def test_objects() -> None:
    """A class that is a service, and a stored model, are targets themselves."""

    @ekiben.service
    class Own:
        @ekiben.api
        def call(self) -> int:
            return 3

    assert call(load(Own)) == 3
    model = ekiben.sklearn.save_model("iris", SVC().fit([[0.0], [1.0]], [0, 1]))
    assert load(model).spec.version == model.tag.version
    with pytest.raises(ServiceLoadError, match="text that names one is needed") as caught:
        load(Own())
    assert caught.value.hint == "give the class `Own` itself"


@pytest.mark.parametrize("target", ["iris", "iris:latest", "model:iris", "model:iris:latest"])
def test_stored_models(target: str, tmp_path: Path) -> None:
    """A stored model is named by its tag."""
    model = ekiben.sklearn.save_model("iris", SVC().fit([[0.0], [1.0]], [0, 1]))
    assert load(target, folder=tmp_path).origin == f"model:{model.tag}"


def test_two_readings(tmp_path: Path) -> None:
    """A target that is a model and a module is an error that names both, and how to name each."""
    model = ekiben.sklearn.save_model("iris", SVC().fit([[0.0], [1.0]], [0, 1]))
    write(tmp_path, iris=SERVICE.format(number=1))
    error = refuse("iris", tmp_path)
    assert str(error) == f"`iris` can be read in 2 ways: the stored model {model.tag}, and the module iris"
    assert error.hint == "write `model:iris` for the model, or `iris:NAME` for the module"
    assert load("model:iris", folder=tmp_path).origin == f"model:{model.tag}"
    assert call(load("iris.py:First", folder=tmp_path)) == 1
    assert call(load("iris:First", folder=tmp_path)) == 1


def test_a_plain_folder_is_no_reading(tmp_path: Path) -> None:
    """A folder without a service in it does not stand in the way of a model of its name."""
    ekiben.sklearn.save_model("iris", SVC().fit([[0.0], [1.0]], [0, 1]))
    (tmp_path / "iris").mkdir()
    assert load("iris", folder=tmp_path).spec.name == "iris"


def test_dialects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a function of the entry-point group reads from a target is one of its readings."""
    write(tmp_path, svc=SERVICE.format(number=1))
    bound = load("svc:First", folder=tmp_path)

    class Point:
        name = "old"

        def load(self) -> Any:
            return lambda target, folder: bound if target == "bundle" else None

    monkeypatch.setattr(load_room, "entry_points", lambda group: [Point()] if group == "ekiben.targets" else [])
    assert load("bundle", folder=tmp_path) is bound
    assert "nothing" not in load("svc:First", folder=tmp_path).spec.name


@pytest.mark.parametrize(
    ("target", "words", "hint"),
    [
        pytest.param("svc:Frist", "`svc` has no attribute `Frist`", "did you mean `First`?", id="a slip"),
        pytest.param(
            "svc:Classifier", "`svc` has no attribute `Classifier`", "its only service is `svc:First`", id="another"
        ),
        pytest.param("svc:number", "`svc:number` is no service: it is a builtins.int", None, id="a number"),
        pytest.param(
            "svc:Plain", "`svc:Plain` is no service: it is a class", "write `@ekiben.service` above `class Plain`",
            id="a plain class",
        ),
        pytest.param(
            "svc:Child", "`Child` inherits from the service `First` and is none itself",
            "write `@ekiben.service` above `class Child`", id="an undecorated heir",
        ),
        pytest.param("scv:First", "`scv:First` is neither a module in", "did you mean `svc`?", id="a near module"),
        pytest.param("zzzz", "`zzzz` is neither a module in", "`ekiben list` and", id="nothing near"),
        pytest.param("scv.py:First", "there is no file", "did you mean `svc.py`?", id="a near file"),
        pytest.param("empty", "there is no service in the folder", "name the file", id="an empty folder"),
        pytest.param("none", "`none` has no service", "write `@ekiben.service` above a class", id="no service"),
        pytest.param("two", "`two` has 2 services: First, Second", "name one: `two:First`", id="two services"),
        pytest.param(3, "a service, a stored model or text that names one is needed: 3", None, id="a number itself"),
    ],
)  # fmt: skip
def test_wrong(target: Any, words: str, hint: str | None, tmp_path: Path) -> None:
    """A target that names no service says what is near."""
    text = SERVICE.format(number=1)
    write(
        tmp_path,
        svc=text + "\nnumber = 1\nclass Plain:\n    pass\n\nclass Child(First):\n    pass\n",
        none="",
        two=text + text.replace("First", "Second"),
    )
    (tmp_path / "empty").mkdir()
    error = refuse(target, tmp_path)
    assert words in str(error)
    assert error.hint is None if hint is None else hint in (error.hint or "")


@pytest.mark.parametrize("kind", ["model", "bento"])
def test_missing_items(kind: str, tmp_path: Path) -> None:
    """A model or a bento that is asked for as such and is not there is told as the store tells it."""
    with pytest.raises(NotFound, match="nowhere"):
        load(f"{kind}:nowhere", folder=tmp_path)


def test_a_version_that_is_not_there(tmp_path: Path) -> None:
    """A known name with an unknown version is told as the store tells it; so it is beside a module of that name."""
    with models.create("iris:v1", signatures={"predict": {}}):
        pass
    error = refuse("iris:nope", tmp_path)
    assert str(error).startswith(f"there is no module `iris` in {tmp_path}, and the model 'iris' has no version 'nope'")
    assert error.hint == "newest first, there is iris:v1"
    write(tmp_path, iris=SERVICE.format(number=1))
    assert "`iris` has no attribute `nope`" in str(refuse("iris:nope", tmp_path))


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        pytest.param("import absent_library\n", "ModuleNotFoundError: No module named 'absent_library'",
                     "pip install absent_library", id="a missing library"),
        pytest.param("import PIL.absent\n", "ModuleNotFoundError: No module named 'PIL.absent'", "pip install pillow",
                     id="a library by its other name"),
        pytest.param("1 / 0\n", "ZeroDivisionError: division by zero", None, id="an error"),
        pytest.param("raise SystemExit(2)\n", "SystemExit: 2", None, id="an exit"),
        pytest.param("def broken(:\n", "SyntaxError: invalid syntax", None, id="a syntax error"),
        pytest.param(
            "import ekiben\n@ekiben.service(trafic=1)\nclass A:\n    pass\n", "there is no option `trafic`",
            "did you mean `traffic`?", id="a wrong option",
        ),
        pytest.param("from . import other\n", "ImportError: attempted relative import",
                     "import by the full name", id="a relative import"),
    ],
)  # fmt: skip
def test_what_importing_raises(text: str, words: str, hint: str | None, tmp_path: Path) -> None:
    """What the user's code raises is shown at its line, without frames of ours or of Python."""
    write(tmp_path, svc="x = 1\n" + text)
    error = refuse("svc:First", tmp_path)
    assert str(error).startswith(f"`svc` cannot be imported: {words}")
    assert 'svc.py", line 2' in str(error) or 'svc.py", line 3' in str(error)
    assert "src/ekiben" not in str(error)
    assert "importlib" not in str(error)
    assert error.hint is None if hint is None else hint in (error.hint or "")
    assert "svc" not in sys.modules


def test_an_error_in_a_neighbour(tmp_path: Path) -> None:
    """An error in a module that the service imports shows both lines."""
    write(tmp_path, svc="import helper\n", helper="\n\nraise ValueError('deep')\n")
    words = str(refuse("svc:First", tmp_path))
    assert 'svc.py", line 1' in words
    assert 'helper.py", line 3' in words
    assert words.endswith("raise ValueError('deep')")
