"""The tree of errors is public, documented, and says its HTTP status."""

import re
from http import HTTPStatus

import pytest

import ekiben
from ekiben import exceptions
from ekiben.core import errors
from ekiben.core.errors import EkibenError, InvalidInput, Problem
from ekiben.testing import client
from tests.house.tree import ROOT

TABLE = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", [name for name in exceptions.__all__ if name != "Problem"])
def test_documented_with_its_status(name: str) -> None:
    """Each public error stands in docs/errors.md, with the status that it is answered with."""
    assert TABLE.get(name) == str(getattr(exceptions, name).status)


def test_every_error_is_public() -> None:
    """No class of the tree is missing from `ekiben.exceptions`, and the page names no other."""
    found = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, EkibenError)}
    assert found == set(exceptions.__all__) - {"Problem"} == set(TABLE)


def test_the_tree_in_the_docstring() -> None:
    """The tree that is drawn in the module's docstring has every class, once, under its base."""
    drawn = re.findall(r"^    ([│ ├└─]*)(\w+) +(\d{3})", errors.__doc__ or "", re.MULTILINE)
    above: list[str] = []
    for lines, name, status in drawn:
        depth = len(lines) // 4
        above[depth:] = [name]
        kind = getattr(errors, name)
        assert kind.status == int(status)
        assert depth == 0 or kind.__base__ is getattr(errors, above[depth - 1]), name
    assert len(drawn) == len(TABLE)


def test_problems_make_the_message() -> None:
    """Without words of its own, an error is told by its places."""
    error = InvalidInput(
        problems=[Problem("x[3][1]", "must be a number"), Problem("", "is empty")], hint="send numbers"
    )
    assert str(error) == "x[3][1]: must be a number; is empty"
    assert (error.hint, error.problems[0].path) == ("send numbers", "x[3][1]")


def test_a_traceback_shows_the_hint() -> None:
    """The hint stands in a traceback too, where no command line prints it."""
    assert EkibenError("no model", hint="did you mean `iris`?").__notes__ == ["hint: did you mean `iris`?"]
    assert not hasattr(EkibenError("no model"), "__notes__")


class Teapot(EkibenError):
    """An error of one's own, with its status by the older name."""

    error_code = HTTPStatus.IM_A_TEAPOT


class Kettle(Teapot):
    """One that inherits the status."""


class Gone(EkibenError):
    """One with its status by the name of today."""

    status = 410


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Teapot("short and stout"), 418),
        (Kettle("tall"), 418),
        (Gone("away"), 410),
        (EkibenError("x", error_code=HTTPStatus.CONFLICT), 409),
        (Teapot("x", error_code=402), 402),
        (EkibenError("x"), 500),
    ],
)
def test_an_error_of_ones_own_says_its_status(error: EkibenError, status: int) -> None:
    """A subclass says its status by either name, a single error by itself; the root stays as it was."""
    assert (type(error.status), error.status) == (int, status)
    assert EkibenError.status == 500


def test_the_status_is_answered() -> None:
    """A method that raises an error of one's own is answered with its status and its words."""

    @ekiben.service
    class Pot:
        @ekiben.api
        def pour(self) -> str:
            raise Teapot("short and stout")

    with client(Pot) as found:
        answer = found.request("POST", "/pour", json={})
        assert (answer.status_code, answer.json()["error"]) == (418, "short and stout")
