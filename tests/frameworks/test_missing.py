"""A framework whose library is missing says so in one line, with the command that installs it."""

import importlib
import sys
import tomllib

import pytest

import ekiben.models
from ekiben.core.errors import MissingLibrary
from tests.house.tree import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
LIBRARIES = {
    "diffusers": "diffusers",
    "fastai": "fastai",
    "flax": "flax",
    "pytorch": "torch",
    "pytorch_lightning": "lightning",
    "tensorflow": "tensorflow",
    "torchscript": "torch",
    "transformers": "transformers",
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_saving_names_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving anything with it names the library and the extra that brings it; nothing is stored."""
    monkeypatch.setitem(sys.modules, LIBRARIES[name], None)
    face = importlib.import_module(f"ekiben.{name}")
    state = ({},) if name == "flax" else ()
    with pytest.raises(
        MissingLibrary, match=f"needs the library `{LIBRARIES[name]}`, which is not installed"
    ) as caught:
        face.save_model("none", object(), *state)
    assert caught.value.hint == f"pip install 'ekiben[{name}]'"
    assert ekiben.models.list() == []
    assert name in EXTRAS


@pytest.mark.parametrize("name", LIBRARIES)
def test_loading_names_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does loading a model that somebody else has stored."""
    for library in {*LIBRARIES.values(), "fastai.learner", "flax.serialization", "jax"}:
        monkeypatch.setitem(sys.modules, library, None)
    with ekiben.models.create("theirs", module=f"ekiben.{name}", options={"class": "BertModel"}) as model:
        (model.path / "saved_model.pkl").write_bytes(b"")
    with pytest.raises(MissingLibrary, match="which is not installed") as caught:
        importlib.import_module(f"ekiben.{name}").load_model("theirs")
    assert "pip install" in (caught.value.hint or "")
