"""A class says which of its methods a runner offers."""

from collections.abc import Iterator
from typing import Any

import bentoml
import pytest
from bentoml.exceptions import BentoMLException
from bentoml.runners.runnable import MethodOptions, methods_of


class Scorer(bentoml.Runnable):
    SUPPORTED_RESOURCES = ("cpu",)

    @bentoml.Runnable.method(batchable=True, batch_dim=(0, 1))
    def score(self, rows: Any) -> Any:
        return rows

    @bentoml.Runnable.method
    def name(self) -> str:
        return "scorer"

    @bentoml.Runnable.method()
    async def later(self) -> str:
        return "later"

    @bentoml.Runnable.method(batchable=False)
    def pieces(self) -> Iterator[int]:
        yield 1

    def inner(self) -> str:
        return "not offered"


def test_marked_methods_are_offered() -> None:
    """With and without parentheses; what is not marked is not."""
    found = methods_of(Scorer)
    assert list(found) == ["score", "name", "later", "pieces"]
    assert found["score"].options == MethodOptions(batchable=True, batch_dim=(0, 1))
    assert found["name"].options == MethodOptions()
    assert [found[name].is_async for name in found] == [False, False, True, False]
    assert [found[name].is_stream for name in found] == [False, False, False, True]
    assert Scorer().inner() == "not offered"


def test_a_method_stays_a_method() -> None:
    """An instance can still be called as it was written."""
    assert (Scorer().score([1]), Scorer().name()) == ([1], "scorer")


def test_a_subclass_keeps_what_it_overrides() -> None:
    """A method that stands in the place of a marked one has its options; None takes it away."""

    class Better(Scorer):
        name = None  # type: ignore[assignment]  # mypy: on purpose

        def score(self, rows: Any) -> Any:
            return [rows]

    found = methods_of(Better)
    assert found["score"].options.batch_dim == (0, 1)
    assert found["score"].function is Better.score
    assert "name" not in found


def test_a_method_can_be_added() -> None:
    """`add_method` offers a function as a method, of this class and of no other."""

    class More(Scorer):
        pass

    More.add_method(lambda self, x: x + 1, "plus", batchable=True, batch_dim=1)
    assert methods_of(More)["plus"].options == MethodOptions(batchable=True, batch_dim=(1, 1))
    assert More().plus(1) == 2
    assert "plus" not in methods_of(Scorer)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"batchable": 1}, "`batchable` must be True or False: 1", id="batchable"),
        pytest.param({"batch_dim": "0"}, "`batch_dim` must be one axis", id="batch_dim as text"),
        pytest.param({"batch_dim": (0, 1, 2)}, "`batch_dim` must be one axis", id="three axes"),
        pytest.param({"batch_dim": (0, True)}, "`batch_dim` must be one axis", id="a truth value as an axis"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    """An option that is not of its type is refused by its name."""
    with pytest.raises(BentoMLException, match=words):
        bentoml.Runnable.method(**options)
    with pytest.raises(BentoMLException, match=words):
        bentoml.Runnable.add_method(print, "print", **options)


def test_a_stream_is_not_joined() -> None:
    """A generator cannot be batchable, and says so where it is written."""
    with pytest.raises(BentoMLException, match="streams and cannot be batchable"):

        @bentoml.Runnable.method(batchable=True)
        def pieces(self: Any) -> Iterator[int]:
            yield 1

    with pytest.raises(BentoMLException, match="takes a method"):
        bentoml.Runnable.method(3)  # type: ignore[call-overload]  # mypy: on purpose
