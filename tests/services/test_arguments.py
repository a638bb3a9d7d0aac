"""Arguments reach the module of a service, wherever it is loaded, and are checked by the model that asks for them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.services import arguments
from ekiben.services.arguments import VARIABLE, check, giving, handed_on, use_arguments
from ekiben.services.load import load


@pytest.fixture(autouse=True)
def _no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


class Args(BaseModel, extra="forbid"):
    """What a service asks for."""

    size: int
    word: str = "a"


def test_arguments_are_checked() -> None:
    """A model gets text as its types say, and its defaults for the rest."""
    with giving({"size": "8"}):
        assert use_arguments(Args) == Args(size=8, word="a")
        assert vars(use_arguments()) == {"size": "8"}
    assert vars(use_arguments()) == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "the argument `size` of Args is wrong: Field required"),
        ({"size": "many"}, "the argument `size` of Args is wrong: Input should be a valid integer"),
        ({"size": 1, "sise": 2}, "the argument `sise` of Args is wrong: Extra inputs"),
    ],
)
def test_a_wrong_argument_is_named(given: dict[str, Any], words: str) -> None:
    """An argument that is missing, of another type or unknown is named, with how to give it."""
    with giving(given), pytest.raises(ConfigError, match=words) as caught:
        use_arguments(Args)
    assert str(caught.value.hint).startswith("give it: --arg s")


@pytest.mark.parametrize(
    "given", [["a"], {"not-a-name": 1}, {1: 2}, {"x": object()}, {"x": float("nan")}, "a=1"], ids=repr
)
def test_what_are_no_arguments(given: Any) -> None:
    """Only names with values that JSON has are arguments."""
    with pytest.raises(ConfigError, match="`args` must"):
        check(given)


def test_a_model_can_be_given() -> None:
    """An instance of the model gives its fields; None gives nothing."""
    assert check(Args(size=1)) == {"size": 1, "word": "a"}
    assert check(None) == {}
    with pytest.raises(ConfigError, match="takes a pydantic model, or nothing"):
        use_arguments(int)  # type: ignore[call-overload]


def test_one_block_over_another() -> None:
    """An inner block adds and replaces; one that lies below only adds; each takes back what it gave."""
    with giving({"a": 1, "b": 1}):
        with giving({"b": 2}):
            assert arguments.arguments() == {"a": 1, "b": 2}
        with giving({"b": 3, "c": 3}, below=True):
            assert arguments.arguments() == {"a": 1, "b": 1, "c": 3}
        assert json.loads(handed_on()[VARIABLE]) == {"a": 1, "b": 1}
        with giving(None):
            assert arguments.arguments() == {"a": 1, "b": 1}
    assert VARIABLE not in os.environ
    assert handed_on() == {}


@pytest.mark.parametrize("text", ["[1]", "{", '"a"'])
def test_a_variable_that_holds_something_else(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no JSON object is named."""
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match=f"`{VARIABLE}` must hold a JSON object"):
        use_arguments()


SERVICE = """
import ekiben
from pydantic import BaseModel

class Args(BaseModel):
    size: int = 1

args = ekiben.use_arguments(Args)

@ekiben.service(threads=args.size, name=f"sized_{args.size}")
class Sized:
    @ekiben.api
    def size(self) -> int:
        return args.size
"""


def test_a_bento_keeps_its_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service was built with is what its bento is served with; what is said at serving stands above."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    project = tmp_path / "project"
    project.mkdir()
    (project / "service.py").write_text(SERVICE)
    (project / "bentofile.yaml").write_text("service: service:Sized\nargs:\n  size: 3\n")
    with ekiben.bentos.use_home(tmp_path / "home"):
        built = ekiben.build(build_ctx=project)
        assert (built.tag.name, built.info.args) == ("sized_3", {"size": 3})
        other = ekiben.build(build_ctx=project, args={"size": 4})
        assert (other.tag.name, other.info.args) == ("sized_4", {"size": 4})
        assert load(f"bento:{built.tag}").spec.threads == 3
        with pytest.raises(ConfigError, match="`args` must be a mapping"):
            ekiben.build(build_ctx=project, args=[1])  # type: ignore[arg-type]


def test_what_is_said_at_serving_stands_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments of this process win over those of a bento."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    project = tmp_path / "project"
    project.mkdir()
    (project / "service.py").write_text(SERVICE)
    with ekiben.bentos.use_home(tmp_path / "home"):
        built = ekiben.build("service:Sized", build_ctx=project, args={"size": 3})
        with giving({"size": 5}):
            assert load(f"bento:{built.tag}").spec.threads == 5
