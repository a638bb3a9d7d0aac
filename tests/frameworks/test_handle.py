"""A model is loaded by the framework of the table that saved it, and by no other module."""

import sys
from pathlib import Path

import pytest

import ekiben.models
from ekiben.core.errors import NotFound
from ekiben.frameworks.handle import Model


def test_no_framework() -> None:
    """A model of one's own making has no framework, and the error says where its files are."""
    with ekiben.models.create("tokens") as model:
        pass
    with pytest.raises(NotFound, match="was saved without a framework") as caught:
        model.load_model()
    assert str(model.path) in (caught.value.hint or "")


@pytest.mark.parametrize("module", ["evil", "ekiben.evil", "bentoml.evil", "evil.sub.module", "os"])
def test_a_module_named_by_a_file_is_not_imported(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever `model.yaml` names, only frameworks of the table are imported."""
    (tmp_path / "evil.py").write_text("raise SystemExit('this module must not run')")
    monkeypatch.syspath_prepend(tmp_path)
    with ekiben.models.create("tokens", module=module) as model:
        pass
    with pytest.raises(NotFound, match="framework"):
        ekiben.models.get(model.tag).load_model()
    assert "evil" not in sys.modules


def test_a_model_is_a_handle() -> None:
    """What the store gives out can be loaded, and prints as its tag."""
    with ekiben.models.create("tokens:v1") as model:
        pass
    assert type(model) is type(ekiben.models.get("tokens")) is Model
    assert repr(model) == 'Model(tag="tokens:v1")'
