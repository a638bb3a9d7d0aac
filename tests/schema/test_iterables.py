"""An `Iterable` that is read is a list, checked before the method runs."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from typing import Iterable as TypingIterable  # noqa: UP035 - users write it still

import numpy as np
import pytest
from pydantic import BaseModel, Field

from ekiben.core.errors import InvalidInput
from ekiben.schema.signature import read
from tests.schema.endpoints import codec_of


class Lazy(BaseModel):
    items: Iterable[int]


HINTS = [
    pytest.param(Iterable[int], b'["z"]', "[0]", id="collections.abc"),
    pytest.param(TypingIterable[int], b'[1, "z"]', "[1]", id="typing"),
    pytest.param(Annotated[Iterable[int], Field(description="d")], b'["z"]', "[0]", id="annotated"),
    pytest.param(Iterable[int] | None, b'["z"]', "[0]", id="optional"),
    pytest.param(dict[str, Iterable[int]], b'{"a": ["z"]}', ".a[0]", id="in a dict"),
    pytest.param(Iterable[Iterable[int]], b'[[1], ["z"]]', "[1][0]", id="in itself"),
    pytest.param(Iterable[np.ndarray], b'[[1], ["z"]]', "[1][0]", id="of arrays"),
    pytest.param(Lazy, b'{"items": ["z"]}', ".items[0]", id="in a model"),
]


@pytest.mark.parametrize(("hint", "body", "place"), HINTS)
@pytest.mark.parametrize("root", [False, True], ids=["parameter", "root"])
def test_a_wrong_item_is_the_callers_error(hint: Any, body: bytes, place: str, root: bool) -> None:
    """A wrong item is told with its place, and never reaches the method."""
    codec = codec_of(hint, Any, root=root)
    with pytest.raises(InvalidInput) as caught:
        codec.from_json(body if root else b'{"x": ' + body + b"}")
    expected = place.removeprefix(".") if root else f"x{place}"
    assert [problem.path for problem in caught.value.problems] == [expected]
    assert caught.value.status == 400


def test_the_method_gets_a_list() -> None:
    """The items can be counted and read twice; a rule for their number holds; a bare one is a list of anything."""
    assert codec_of(Iterable[int], Any).from_json(b'{"x": [1, 2]}') == ((), {"x": [1, 2]})
    assert codec_of(Iterable, Any).from_json(b'{"x": [1, "a"]}') == ((), {"x": [1, "a"]})
    (found,), _ = codec_of(Lazy, Any, root=True).from_json(b'{"items": [1]}')
    assert type(found) is Lazy
    assert found.items == [1]
    with pytest.raises(InvalidInput, match="x: must have at least 2 items"):
        codec_of(Iterable[int], Any, default=Field(min_length=2)).from_json(b'{"x": [1]}')


def test_an_answer_of_pieces_stays_a_stream() -> None:
    """Only what is read becomes a list."""

    class Service:
        def f(self, x: Iterable[int]) -> Iterable[int]: ...
        def g(self, x: Iterable[int]) -> Iterator[int]: ...

    assert read(Service.f).is_stream
    assert read(Service.g).is_stream
