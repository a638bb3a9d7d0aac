"""Values of a stream are put together from their parts, and nonsense is refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ekiben.core.errors import InvalidInput, Unavailable
from ekiben.engine.incoming import Incoming
from ekiben.engine.job import Done, Job
from ekiben.engine.parcel import pack
from ekiben.engine.parts import Values, values_of
from ekiben.engine.values import FINE, tell


def parts_of(value: Any) -> list[Any]:
    """Give the parts of a value, as they travel."""
    first, *others = pack(value)
    return [(1 + len(others), (first,)), *((None, (buffer,)) for buffer in others)]


def test_a_value_of_several_buffers() -> None:
    """A value is given once its last part is there, however the parts are cut."""
    parts = [*parts_of(1), *parts_of({"a": np.arange(3), "b": np.ones(2)}), *parts_of("end")]
    values = Values(lambda value: value)
    found = [list(values.take([part])) for part in parts]
    assert [len(each) for each in found] == [1, 0, 0, 1, 1]
    assert found[3][0]["a"].tolist() == [0, 1, 2]
    whole = list(Values(lambda value: value).take(parts))
    assert (whole[0], whole[1]["b"].tolist(), whole[2]) == (1, [1.0, 1.0], "end")


def test_values_become_what_the_hint_says() -> None:
    """Each value is read once, when it is whole."""
    assert list(Values(str).take([*parts_of(1), *parts_of(2)])) == ["1", "2"]


@pytest.mark.parametrize("head", [None, 0, -1, "2", True, 1.0])
def test_parts_of_nothing(head: Any) -> None:
    """A part that says no number of parts begins no value."""
    with pytest.raises(ValueError, match="a value must say of how many parts it is"):
        list(Values(str).take([(head, (b"x",))]))


def stream(left: list[Any]) -> tuple[Incoming, "asyncio.Future[Done]"]:
    """Make a stream that is fed by hand; *left* notes that its reader has left."""
    answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
    return Incoming(Job("rows", (), {}, answer=answer), answer, left.append), answer


async def read(begin: Callable[[], Incoming]) -> list[Any]:
    return [value async for value in values_of(begin, lambda value: value)]


async def test_a_whole_stream() -> None:
    """Values come, then the end; whoever has read it all lets it go."""
    left: list[Any] = []
    incoming, answer = stream(left)
    for part in [*parts_of(1), *parts_of([2])]:
        incoming.feed(*part)
    answer.set_result(([FINE], ()))
    assert await read(lambda: incoming) == [1, [2]]
    assert len(left) == 1


async def test_an_error_ends_it() -> None:
    """What was raised there is raised here, by its class; so is what keeps the stream from going on."""
    for raised in (InvalidInput("`n` is wrong"), Unavailable("the server is gone")):
        left: list[Any] = []
        incoming, answer = stream(left)
        answer.set_result((tell(raised, "model.rows"), ()))
        with pytest.raises(type(raised), match=str(raised)):
            await read(lambda found=incoming: found)  # type: ignore[misc]  # mypy: a default of a lambda
        assert len(left) == 1


async def test_whoever_leaves_lets_it_go() -> None:
    """A reader that closes early lets the worker end its generator; one that never begins asks for nothing."""
    left: list[Any] = []
    incoming, _ = stream(left)
    incoming.feed(*parts_of(1)[0])
    found: Any = values_of(lambda: incoming, lambda value: value)
    assert await anext(found) == 1
    await found.aclose()
    assert len(left) == 1
    begun: list[int] = []
    never: Any = values_of(lambda: begun.append(1) or incoming, lambda value: value)  # type: ignore[func-returns-value]
    await never.aclose()
    assert begun == []
