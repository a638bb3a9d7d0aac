"""Any object that can be pickled is a model."""

import threading
from pathlib import Path

import pytest

import ekiben.models
import ekiben.picklable_model
from ekiben.core.errors import ConfigError, InvalidInput, StoreError


class Doubler:
    """A model of the user's own."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def __call__(self, value: int) -> int:
        return value * self.factor

    def predict(self, values: list[int]) -> list[int]:
        return [self(value) for value in values]


def test_a_function() -> None:
    """A function that closes over locals comes back, marked as one that must be unpickled."""
    factor = 3
    saved = ekiben.picklable_model.save_model("triple", lambda value: value * factor, sample=2)
    assert ekiben.picklable_model.load_model("triple")(5) == 15
    assert saved.info.needs_unpickling
    assert saved.info.format == "cloudpickle"
    assert saved.info.sample is not None
    assert saved.info.sample["outputs"]["__call__"] == {"kind": "record", "schema": {"type": "number"}}


def test_the_call_is_served_by_default() -> None:
    """Without signatures, the call itself is the method, one input at a time."""
    saved = ekiben.picklable_model.save_model("double", Doubler())
    assert {name: s.batchable for name, s in saved.info.signatures.items()} == {"__call__": False}


def test_methods_by_name() -> None:
    """Other methods are served by naming them."""
    saved = ekiben.picklable_model.save_model("double", Doubler(), signatures=["predict"], sample=[1, 2])
    assert list(saved.info.signatures) == ["predict"]
    assert ekiben.picklable_model.load_model("double").predict([3]) == [6]


def test_data_has_no_method() -> None:
    """Data alone can be kept, and names no method to serve."""
    saved = ekiben.picklable_model.save_model("labels", {"a": 1})
    assert saved.info.signatures == {}
    assert saved.load_model() == {"a": 1}


def test_what_cannot_be_pickled() -> None:
    """An object that holds a lock is refused by name, and nothing is stored."""
    with pytest.raises(InvalidInput, match="`model` cannot be pickled"):
        ekiben.picklable_model.save_model("lock", threading.Lock())
    assert ekiben.models.list() == []


def test_unpickling_can_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one setting forbids it with a clear error; nothing of the file is run."""
    ekiben.picklable_model.save_model("double", Doubler())
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="must be unpickled, which EKIBEN_FORBID_UNPICKLING forbids"):
        ekiben.picklable_model.load_model("double")


def test_a_damaged_pickle() -> None:
    """A pickle that is cut short says so, and names the model."""
    with ekiben.models.create("cut", module="ekiben.picklable_model") as model:
        (model.path / "saved_model.pkl").write_bytes(b"\x80\x05\x95")
    with pytest.raises(StoreError, match=f"{model.tag} cannot be unpickled"):
        ekiben.picklable_model.load_model("cut")


def test_external_modules_go_by_value(python, tmp_path: Path) -> None:
    """A class of a module that the other process does not have travels inside the pickle."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "steps.py").write_text("class Add:\n    def __call__(self, value):\n        return value + 1\n")
    save = "import steps, ekiben.picklable_model as p; p.save_model('add', steps.Add(), external_modules=[steps])"
    python(save, cwd=sources)
    assert python("import ekiben.models as m; print(m.get('add').load_model()(1))").stdout == "2\n"


def test_a_module_that_is_not_here(python, tmp_path: Path) -> None:
    """A class by reference whose module is missing is named, with what to do about it."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "steps.py").write_text("class Add:\n    def __call__(self, value):\n        return value + 1\n")
    python("import steps, ekiben.picklable_model as p; p.save_model('add', steps.Add())", cwd=sources)
    with pytest.raises(StoreError, match="without the module `steps`") as caught:
        ekiben.picklable_model.load_model("add")
    assert "external_modules=[steps]" in (caught.value.hint or "")


def test_a_wrong_option() -> None:
    """An option that no pickle has is refused, and named."""
    saved = ekiben.picklable_model.save_model("double", Doubler())
    with pytest.raises(ConfigError, match="`mmap_mode` is not an option of picklable_model") as caught:
        saved.load_model(mmap_mode="r")
    assert caught.value.hint == "it has none"
