"""The models that code asks for are found where it writes their tags down, and nowhere else."""

import ast
import json
from types import ModuleType
from typing import Any

import pytest

import ekiben
from ekiben.bundle.calls import asked_tags, tags_of

NAMES: dict[str, Any] = {
    "ekiben": ekiben,
    "load": ekiben.picklable_model.load_model,
    "models": ekiben.models,
    "json": json,
    "table": {"a": 1},
    "TAG": "iris:v1",
    "NUMBER": 3,
}


@pytest.mark.parametrize(
    ("code", "tags"),
    [
        pytest.param("ekiben.models.get('iris')", ["iris"], id="by the package"),
        pytest.param("ekiben.sklearn.load_model('iris:latest')", ["iris:latest"], id="of a framework"),
        pytest.param("models.get('a'); models.get('b:v1')", ["a", "b:v1"], id="each call"),
        pytest.param("class A:\n  def f(self):\n    self.m = ekiben.keras.get('a')", ["a"], id="in a method"),
        pytest.param("models.get(TAG)", ["iris:v1"], id="by a name for a text"),
        pytest.param("models.get(f'{TAG}')", [], id="a text that is made is not guessed"),
        pytest.param("models.get(NUMBER); models.get(3); models.get()", [], id="no number is a tag"),
        pytest.param("models.get('no tag'); models.get('a:b:c'); models.get('../x')", [], id="nor is any text"),
        pytest.param("table.get('a'); json.get('a'); {}.get('a'); f().get('a')", [], id="other things have a get"),
        pytest.param("def f():\n  from x import load_model\n  load_model('a')", ["a"], id="imported where it is used"),
        pytest.param("def f():\n  from ekiben import models as m\n  m.get('a')", [], id="a get of an unknown is none"),
        pytest.param("mine.models.get('a')", ["a"], id="unless it is of models"),
        pytest.param("ekiben.models.list('a')", [], id="a list is no question for one"),
    ],
)
def test_tags(code: str, tags: list[str]) -> None:
    """A call of ours with a tag written down asks for that model."""
    assert list(tags_of(ast.parse(code), NAMES)) == tags


def test_by_a_name_of_its_own() -> None:
    """A function of ours counts whatever the module calls it."""
    assert list(tags_of(ast.parse("load('a')"), NAMES)) == ["a"]


def test_modules(tmp_path: Any) -> None:
    """Each tag is told once, in order; modules without a file of Python are passed by."""
    module, other = ModuleType("a"), ModuleType("b")
    (tmp_path / "a.py").write_text("ekiben.models.get('b')\nekiben.models.get('a')\nekiben.models.get('b')\n")
    module.__file__, module.__dict__["ekiben"] = str(tmp_path / "a.py"), ekiben
    other.__file__ = str(tmp_path / "gone.py")
    assert asked_tags([module, other, ModuleType("c")]) == ["b", "a"]
