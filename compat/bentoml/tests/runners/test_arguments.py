"""The arguments of a runner's call: which are joined, and how they come back to their places."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from bentoml.runners.arguments import Joining, Records, nothing_joined, restored, returned
from pydantic import BaseModel

from ekiben.schema.signature import EMPTY

ROWS, OTHERS = np.zeros((3, 2)), [7, 8, 9]


class Point(BaseModel):
    x: int


@dataclass
class Pair:
    a: int
    b: int


class Methods:
    """What users write."""

    def one(self, rows: Any) -> Any: ...

    def two(self, rows: Any, weights: Any) -> Any: ...

    def tuned(self, rows: Any, threshold: float = 0.5) -> Any: ...

    def many(self, *columns: Any, **options: Any) -> Any: ...

    def named(self, *, rows: Any) -> Any: ...

    def of_records(self, point: Point, pairs: list[Pair], text: str = "") -> list[Point]: ...

    def contrary(self, point: "Unknown") -> "Unknown": ...  # type: ignore[name-defined]  # noqa: F821 - on purpose


@pytest.mark.parametrize(
    ("method", "args", "kwargs", "places"),
    [
        pytest.param("one", (ROWS,), {}, (0,), id="the only value is joined"),
        pytest.param("one", (), {"rows": ROWS}, ("rows",), id="also where it is named"),
        pytest.param("one", (5,), {}, (), id="a number is no batch, so nothing is joined"),
        pytest.param("one", ("text",), {}, (), id="a text is never taken apart into letters"),
        pytest.param("two", (ROWS, OTHERS), {}, (0, 1), id="two of the same length are both joined"),
        pytest.param("two", (ROWS,), {"weights": OTHERS}, (0, "weights"), id="one of the two may be named"),
        pytest.param("two", (ROWS, [1]), {}, (0,), id="one of another length goes along as it is"),
        pytest.param("two", ("euclid", OTHERS), {}, (1,), id="the first batch counts, wherever it stands"),
        pytest.param("tuned", (ROWS, OTHERS), {}, (0,), id="what has a default is an option, and never a row"),
        pytest.param("many", (ROWS, OTHERS), {"labels": OTHERS}, (0, 1), id="all of `*columns`, none of `**options`"),
        pytest.param("named", (), {"rows": ROWS}, ("rows",), id="a parameter by keyword only"),
    ],
)
def test_what_is_joined(method: str, args: tuple[Any, ...], kwargs: dict[str, Any], places: tuple[Any, ...]) -> None:
    """Batches are told from options by the method's signature, and come back to their places."""
    sent = Joining(getattr(Methods, method), 0)(args, kwargs)
    assert sent.places == places
    again, named = restored(sent)
    assert len(again) == len(args)
    assert all(new is old for new, old in zip(again, args, strict=True))
    assert named.keys() == kwargs.keys()
    assert all(named[key] is kwargs[key] for key in kwargs)


def test_a_method_without_a_signature() -> None:
    """Of what is built in every positional value may be joined, and nothing else."""
    sent = Joining(dict.__init__, 0)((ROWS,), {"more": OTHERS})
    assert (sent.places, sent.kwargs) == ((0,), {"more": OTHERS})


def test_nothing_is_joined_where_calls_run_one_by_one() -> None:
    """A method that is not batchable gets what it was given."""
    sent = nothing_joined((ROWS,), {"a": 1})
    assert (sent.values, sent.places) == ((), ())
    assert restored(sent) == ((ROWS,), {"a": 1})


def test_records_are_made_again() -> None:
    """A record comes as its fields, and is one again where the hint says so, also within a list."""
    args, kwargs = Records(Methods.of_records)(({"x": 1},), {"pairs": [{"a": 1, "b": 2}], "text": 3})
    assert args == (Point(x=1),)
    assert kwargs == {"pairs": [Pair(1, 2)], "text": 3}
    assert Records(Methods.of_records)(("other",), {})[0] == ("other",)


def test_hints_that_do_not_hold_are_let_be() -> None:
    """Hints that name nothing, or have no record, change no value and refuse none."""
    for method in (Methods.contrary, Methods.one):
        assert Records(method)((ROWS,), {"a": 1}) == ((ROWS,), {"a": 1})
        assert returned(method) is EMPTY
    assert returned(Methods.of_records) == list[Point]
