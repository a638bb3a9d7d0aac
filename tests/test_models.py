"""`ekiben.models` works in the home of the moment, and says what is near when it finds nothing."""

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import ekiben
import ekiben.models
from ekiben.core.errors import AlreadyExists, EkibenError, NotFound
from ekiben.models import Model


def make(name: str = "tokens", text: str = "x") -> Model:
    """Save a model with one file."""
    with ekiben.models.create(name, labels={"team": "nlp"}) as model:
        (model.path / "file.txt").write_text(text)
    return model


def test_the_whole_story(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save, find, list, verify, export, import elsewhere, delete: each with one call."""
    monkeypatch.chdir(tmp_path)
    model = make()
    assert isinstance(model, ekiben.Model)
    assert model.path == home / "models/tokens" / model.info.version
    assert ekiben.models.get("tokens") == model == ekiben.models.list(labels={"team": "nlp"})[0]
    assert ekiben.models.verify("tokens:latest").files["file.txt"].size == 1
    assert ekiben.models.export_model("tokens:latest", "model/tokens.bentomodel") == "model/tokens.bentomodel"
    with ekiben.models.use_home(tmp_path / "other"):
        found = ekiben.models.import_model("model/tokens.bentomodel")
        assert isinstance(found, Model)
        assert (found.tag, found.path.is_relative_to(tmp_path / "other")) == (model.tag, True)
        assert ekiben.models.delete(found.tag) == [model.tag]
        with pytest.raises(NotFound):
            ekiben.models.get("tokens")
    assert ekiben.models.get("tokens") == model


def test_home_is_asked_at_each_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is settled at import: a variable set later counts."""
    for name in ("a", "b"):
        monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / name))
        make(name)
        assert [model.tag.name for model in ekiben.models.list()] == [name]


def test_a_block_keeps_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save ends in the home in which it began, even if the variable changes meanwhile."""
    with ekiben.models.create("tokens") as model:
        monkeypatch.setenv("EKIBEN_HOME", str(tmp_path / "late"))
    assert not model.path.is_relative_to(tmp_path / "late")
    assert model.path.is_dir()


def test_two_tasks_with_two_homes(tmp_path: Path) -> None:
    """Homes chosen by `use_home` in two tasks do not mix."""

    async def work(name: str) -> list[str]:
        with ekiben.models.use_home(tmp_path / name):
            make(name)
            await asyncio.sleep(0)
            return [model.tag.name for model in ekiben.models.list()]

    async def both() -> list[list[str]]:
        return await asyncio.gather(work("a"), work("b"))

    assert asyncio.run(both()) == [["a"], ["b"]]


def test_the_other_home_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is in BentoML's home, or the other way round, is said to be there."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "theirs"))
    with ekiben.models.use_home(tmp_path / "theirs"):
        model = make()
    with pytest.raises(NotFound) as caught:
        ekiben.models.get(model.tag)
    assert caught.value.hint == f"it is in {tmp_path / 'theirs'}: set EKIBEN_HOME={tmp_path / 'theirs'} to work there"


def test_import_twice_is_an_error_of_its_own(tmp_path: Path) -> None:
    """S004-24: a second import raises AlreadyExists; a damaged file raises something else."""
    path = ekiben.models.export_model(make().tag, tmp_path / "a.bentomodel")
    with pytest.raises(AlreadyExists):
        ekiben.models.import_model(path)
    assert ekiben.models.import_model(path, skip_existing=True) == ekiben.models.get("tokens")
    Path(path).write_bytes(Path(path).read_bytes()[:-20])
    with pytest.raises(EkibenError) as caught:
        ekiben.models.import_model(path)
    assert not isinstance(caught.value, AlreadyExists)


def test_a_tag_prints_as_one_line() -> None:
    """S003-09: `Bento model tag = flower_model:…` is one line with name and version."""
    program = (
        "import ekiben.models\nwith ekiben.models.create('flower_model') as m: pass\n"
        "print(f'Bento model tag = {m.tag}')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"Bento model tag = {ekiben.models.get('flower_model').tag}\n"


def test_importing_it_is_light() -> None:
    """The store imports neither NumPy, fsspec nor any framework before it needs one."""
    program = (
        "import sys, ekiben.models; print([name for name in ('numpy', 'fsspec', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_every_name_is_there() -> None:
    """What `__all__` promises exists, and every function says what it does and what it raises."""
    for name in ekiben.models.__all__:
        value = getattr(ekiben.models, name)
        assert inspect.getdoc(value), name
    for name in ("create", "get", "list", "delete", "export_model", "import_model", "verify"):
        assert "Raises:" in (inspect.getdoc(getattr(ekiben.models, name)) or ""), name
