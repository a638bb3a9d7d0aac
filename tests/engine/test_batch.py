"""Many calls become one, and one answer many: driven with plain values, without threads or a loop."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import InvalidInput, Unavailable
from ekiben.core.spec import BatchSpec
from ekiben.engine.batch import Batcher, Misfit, count
from ekiben.engine.invoke import drive
from ekiben.engine.messages import Call, Reply
from ekiben.schema.hints import batch_leaf, settle
from ekiben.schema.values.base import Leaf

ARRAYS: Leaf | None = batch_leaf(settle(np.ndarray))
FRAMES: Leaf | None = batch_leaf(settle(pd.DataFrame))
LISTS: Leaf | None = batch_leaf(list[int])


class Model:
    """Notes what it was called with, and does what it is given."""

    def __init__(self, method: Callable[[Any], Any]) -> None:
        self.method = method
        self.seen: list[Any] = []

    def __call__(self, call: Call) -> Any:
        value = call.args[0] if call.args else call.kwargs["x"]
        self.seen.append(value)
        return self.method(value)


def calls(*values: Any) -> list[Call]:
    return [Call("predict", (), {"x": value}) for value in values]


def answer(batcher: Batcher, model: Model, *values: Any) -> list[Reply]:
    return drive(batcher.run(calls(*values)), model)


def values(replies: list[Reply]) -> list[Any]:
    assert [reply.error for reply in replies if reply.error is not None] == []
    return [reply.value for reply in replies]


def test_arrays_are_joined_and_split() -> None:
    """Two arrays become one, whose answer each caller gets its own rows of."""
    model = Model(lambda x: x * 10)
    first, second = values(answer(Batcher(BatchSpec(), ARRAYS), model, np.array([[1], [2]]), np.array([[3]])))
    assert [seen.tolist() for seen in model.seen] == [[[1], [2], [3]]]
    assert (first.tolist(), second.tolist()) == ([[10], [20]], [[30]])


def test_positional_arguments_stay_positional() -> None:
    """The body of a root endpoint is given by position, joined or not."""
    batcher, model = Batcher(BatchSpec(), LISTS), Model(lambda x: x)
    replies = drive(batcher.run([Call("predict", ([1],), {}), Call("predict", ([2, 3],), {})]), model)
    assert values(replies) == [[1], [2, 3]]
    assert model.seen == [[1, 2, 3]]


def test_frames_are_joined_under_a_new_index() -> None:
    """Each caller's frame begins with row 0 again."""
    model = Model(lambda frame: frame.assign(b=frame["a"] * 2))
    frames = (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [3]}))
    first, second = values(answer(Batcher(BatchSpec(), FRAMES), model, *frames))
    assert len(model.seen) == 1
    assert first.to_dict("list") == {"a": [1, 2], "b": [2, 4]}
    assert second.to_dict("list") == {"a": [3], "b": [6]}
    assert list(second.index) == [0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(np.zeros((1, 2)), np.zeros((1, 3)), id="of another width"),
        pytest.param(np.zeros((1, 2)), np.zeros((1, 2), dtype="int64"), id="of another dtype"),
        pytest.param(np.zeros((1, 2)), np.zeros(2), id="of another rank"),
        pytest.param(np.float64(1).reshape(()), np.zeros(1), id="that is a single number"),
    ],
)
def test_what_cannot_be_joined_runs_apart(one: Any, other: Any) -> None:
    """Arrays that differ in more than the batch axis are answered by two runs, not by an error."""
    model = Model(lambda x: x)
    first, second = values(answer(Batcher(BatchSpec(), ARRAYS), model, one, other))
    assert first is model.seen[0]
    assert second is model.seen[1]
    assert first.dtype == one.dtype


def test_groups_keep_the_order_of_calls() -> None:
    """Calls of two groups that are mixed get each its own answer."""
    model = Model(lambda x: x + 1)
    wide, narrow = np.zeros((1, 3)), np.zeros((1, 2))
    found = values(answer(Batcher(BatchSpec(), ARRAYS), model, wide, narrow, wide + 5, narrow + 7))
    assert [value.tolist() for value in found] == [[[1, 1, 1]], [[1, 1]], [[6, 6, 6]], [[8, 8]]]
    assert len(model.seen) == 2


def test_other_axes() -> None:
    """Input is joined along one axis, and the answer split along another."""
    model = Model(lambda x: x.sum(axis=0))
    batcher = Batcher(BatchSpec(in_axis=1, out_axis=0), ARRAYS)
    first, second = values(answer(batcher, model, np.ones((3, 2)), np.full((3, 1), 2.0)))
    assert (first.tolist(), second.tolist()) == ([3, 3], [6])


def test_records_are_chained() -> None:
    """Lists of anything are batches of their items."""
    model = Model(lambda items: [len(item) for item in items])
    found = values(answer(Batcher(BatchSpec(), LISTS), model, ["a", "bb"], [], ["ccc"]))
    assert found == [[1, 2], [], [3]]
    assert model.seen == [["a", "bb", "ccc"]]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        pytest.param(lambda x: {"a": x, "b": list(x)}, [{"a": [1], "b": [1]}, {"a": [2], "b": [2]}], id="of columns"),
        pytest.param(lambda x: tuple([y, -y] for y in x), [([1, -1],), ([2, -2],)], id="of rows, as a tuple"),
    ],
)
def test_answers_of_other_forms(method: Callable[[Any], Any], expected: list[Any]) -> None:
    """An object of columns becomes an object for each call."""
    assert values(answer(Batcher(BatchSpec(), LISTS), Model(method), [1], [2])) == expected


@pytest.mark.parametrize("together", [pytest.param(1, id="alone"), pytest.param(2, id="in a batch")])
@pytest.mark.parametrize(
    "method",
    [
        pytest.param(lambda x: [*x, 0], id="too many"),
        pytest.param(lambda x: 7, id="a single number"),
        pytest.param(lambda x: "ab", id="text"),
        pytest.param(lambda x: None, id="nothing"),
        pytest.param(lambda x: {"a": [1, 2, 3, 4]}, id="columns of another length"),
    ],
)
def test_answer_of_another_length(method: Callable[[Any], Any], together: int) -> None:
    """A method that does not answer item by item fails at the first call, not only under load."""
    replies = answer(Batcher(BatchSpec(), LISTS, isolate=True), Model(method), *([[1]] * together))
    assert [type(reply.error) for reply in replies] == [Misfit] * together
    assert "a batch" in str(replies[0].error)


def test_misfits_are_not_run_again() -> None:
    """No second run would make a wrong form right."""
    model = Model(lambda x: [])
    answer(Batcher(BatchSpec(), LISTS, isolate=True), model, [1], [2], [3], [4])
    assert len(model.seen) == 1


def refuse(bad: set[int]) -> Callable[[Any], Any]:
    def method(items: Any) -> Any:
        if bad & set(np.asarray(items).ravel().tolist()):
            raise ValueError("bad item")
        return items

    return method


def test_whole_batch_fails_without_isolation() -> None:
    """Where running again might do harm, all calls of a failed batch fail, after one run."""
    model = Model(refuse({2}))
    replies = answer(Batcher(BatchSpec(), LISTS), model, [1], [2], [3])
    assert [type(reply.error) for reply in replies] == [ValueError] * 3
    assert len(model.seen) == 1


@given(st.integers(2, 64).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_one_bad_item_fails_alone(given: tuple[int, int]) -> None:
    """With isolation one bad call fails and the others are answered, within 2·log2(n) + 2 reruns."""
    size, bad = given
    model = Model(refuse({bad}))
    replies = answer(Batcher(BatchSpec(), LISTS, isolate=True), model, *([index] for index in range(size)))
    assert [index for index, reply in enumerate(replies) if reply.error is not None] == [bad]
    assert all(reply.value == [index] for index, reply in enumerate(replies) if index != bad)
    assert len(model.seen) - 1 <= 2 * math.ceil(math.log2(size)) + 2


@given(st.integers(2, 64), st.sets(st.integers(0, 63)))
def test_reruns_are_bounded(size: int, bad: set[int]) -> None:
    """However many items are bad, the model is called a bounded number of times, and no bad call is answered."""
    model = Model(refuse(bad))
    replies = answer(Batcher(BatchSpec(), LISTS, isolate=True), model, *([index] for index in range(size)))
    assert len(model.seen) - 1 <= 2 * math.ceil(math.log2(size)) + 2
    assert all(replies[index].error is not None for index in bad if index < size)
    assert all(reply.value == [index] for index, reply in enumerate(replies) if reply.error is None)


@pytest.mark.parametrize(
    ("error", "runs"),
    [
        pytest.param(InvalidInput("no"), 3, id="a mistake of one caller is looked for"),
        pytest.param(Unavailable("later"), 1, id="a model that says it cannot is believed"),
    ],
)
def test_which_errors_are_looked_into(error: Exception, runs: int) -> None:
    """A batch is run again by halves only where that can help."""

    def method(x: Any) -> Any:
        raise error

    model = Model(method)
    answer(Batcher(BatchSpec(), LISTS, isolate=True), model, [1], [2])
    assert len(model.seen) == runs


def test_nobody_waits_so_nothing_runs_again() -> None:
    """A failed batch is not looked into for callers who have left or whose deadline has passed."""
    model = Model(refuse({0}))
    waiting = calls([0], [1], [2], [3])
    loop = asyncio.new_event_loop()
    for call in waiting[2:]:
        call.answer = loop.create_future()
        call.answer.cancel()
    drive(Batcher(BatchSpec(), LISTS, isolate=True).run(waiting), model)
    loop.close()
    assert model.seen == [[0, 1, 2, 3], [0, 1], [0], [1]]


def test_a_call_that_is_too_large_runs_in_pieces() -> None:
    """No run of the model gets more than `max_size` items, and the caller gets one answer."""
    model = Model(lambda x: x * 2)
    [found] = values(answer(Batcher(BatchSpec(max_size=4), ARRAYS), model, np.arange(10).reshape(10, 1)))
    assert [len(seen) for seen in model.seen] == [4, 4, 2]
    assert found.tolist() == [[2 * n] for n in range(10)]


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(lambda x: [y + 1 for y in x], id="a list"),
        pytest.param(lambda x: np.asarray(x) + 1, id="an array"),
    ],
)
def test_pieces_of_records(method: Callable[[Any], Any]) -> None:
    """A long list runs in pieces too, and the answers are put together by what they are."""
    [found] = values(answer(Batcher(BatchSpec(max_size=2), LISTS), Model(method), [1, 2, 3, 4, 5]))
    assert list(found) == [2, 3, 4, 5, 6]


def test_pieces_that_give_columns() -> None:
    """An object of columns is put together column by column."""
    [found] = values(answer(Batcher(BatchSpec(max_size=2), LISTS), Model(lambda x: {"a": list(x)}), [1, 2, 3]))
    assert found == {"a": [1, 2, 3]}


@pytest.mark.parametrize(
    "method",
    [pytest.param(refuse({3}), id="raises"), pytest.param(lambda x: x[:1], id="gives too little")],
)
def test_a_piece_that_fails(method: Callable[[Any], Any]) -> None:
    """If one piece fails the call fails, and the pieces behind it are not run."""
    model = Model(method)
    [reply] = answer(Batcher(BatchSpec(max_size=2), LISTS), model, [1, 2, 3, 4, 5, 6])
    assert reply.error is not None
    assert len(model.seen) < 3


def test_listed() -> None:
    """Where a method takes a list of calls, each call is one element, whatever it is."""
    model = Model(lambda items: [item * 2 for item in items])
    batcher = Batcher(BatchSpec(), None, is_listed=True)
    assert values(answer(batcher, model, [1, 2], "a", 3)) == [[1, 2, 1, 2], "aa", 6]
    assert model.seen == [[[1, 2], "a", 3]]
    assert values(answer(batcher, model, 5)) == [10]
    assert batcher.size(calls([1, 2, 3])[0]) == 1


def test_listed_that_gives_too_few() -> None:
    """A list of calls must be answered by a list as long."""
    [first, second] = answer(Batcher(BatchSpec(), is_listed=True), Model(lambda items: [1]), 1, 2)
    assert isinstance(first.error, Misfit)
    assert isinstance(second.error, Misfit)


def test_a_value_that_is_no_batch_runs_alone() -> None:
    """Where nothing is known of the type, only lists are joined."""
    model = Model(lambda x: x)
    assert values(answer(Batcher(BatchSpec()), model, {"a": 1}, 5, [1], [2])) == [{"a": 1}, 5, [1], [2]]
    assert model.seen == [{"a": 1}, 5, [1, 2]]


@pytest.mark.parametrize(
    ("value", "axis", "expected"),
    [
        pytest.param([1, 2], 0, 2, id="a list"),
        pytest.param((), 0, 0, id="an empty tuple"),
        pytest.param("abc", 0, None, id="text is no list of letters"),
        pytest.param({"a": 1}, 0, None, id="an object is no list of keys"),
        pytest.param(np.zeros((2, 3)), 0, 2, id="rows"),
        pytest.param(np.zeros((2, 3)), 1, 3, id="columns"),
        pytest.param(np.zeros((2, 3)), -1, 3, id="the last axis"),
        pytest.param(np.zeros(()), 0, None, id="a single number"),
        pytest.param(np.zeros(3), 1, None, id="an axis that is not there"),
        pytest.param(pd.DataFrame({"a": [1, 2, 3]}), 0, 3, id="a frame"),
        pytest.param(pd.Series([1, 2]), 0, 2, id="a series"),
    ],
)
def test_count(value: Any, axis: int, expected: int | None) -> None:
    """Items are counted along the axis of the batch, and only where there are items."""
    assert count(value, axis) == expected


@pytest.mark.parametrize(
    ("deadlines", "expected"),
    [
        pytest.param([5.0, 9.0, 7.0], 9.0, id="as long as the most patient caller waits"),
        pytest.param([5.0, None], None, id="without end where one of them has none"),
        pytest.param([5.0], 5.0, id="a lone call has its own"),
    ],
)
@pytest.mark.parametrize("is_listed", [False, True], ids=["joined", "listed"])
def test_a_batch_has_a_deadline(deadlines: list[float | None], expected: float | None, is_listed: bool) -> None:
    """What a batch calls may take as long as somebody waits for it."""
    found = []

    def model(call: Call) -> Any:
        found.append(call.deadline)
        return call.args[0] if call.args else call.kwargs["x"]

    batch = [Call("predict", (), {"x": [number]}, deadline=end) for number, end in enumerate(deadlines)]
    replies = drive(Batcher(BatchSpec(), LISTS, LISTS, is_listed=is_listed).run(batch), model)
    assert values(replies) == [[number] for number in range(len(deadlines))]
    assert found == [expected]


def test_pieces_of_a_call_have_its_deadline() -> None:
    """A call that is run in pieces has its own time in each of them."""
    found = []

    def model(call: Call) -> Any:
        found.append(call.deadline)
        return call.kwargs["x"]

    batch = [Call("predict", (), {"x": [1, 2, 3]}, deadline=4.0)]
    assert values(drive(Batcher(BatchSpec(max_size=2), LISTS, LISTS).run(batch), model)) == [[1, 2, 3]]
    assert found == [4.0, 4.0]
