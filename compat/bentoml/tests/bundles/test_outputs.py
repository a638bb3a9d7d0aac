"""Whatever a function returns is answered as JSON, in the form that its output asks for."""

import datetime
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bentoml.adapters import BaseOutputAdapter, DataframeOutput, DefaultOutput, JsonOutput, TfTensorOutput
from bentoml.bundles.outputs import is_custom
from bentoml.bundles.shares import items, share
from bentoml.front import STYLE_OF_BUNDLES
from bentoml.types import InferenceError, InferenceResult, InferenceTask
from hypothesis import given
from hypothesis import strategies as some

from ekiben.core.errors import ConfigError
from ekiben.engine.batch import Misfit
from ekiben.schema.answers import plan
from ekiben.schema.signature import Signature

FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, None]}, index=["x", "y"])


def written(adapter: BaseOutputAdapter, value: Any) -> tuple[str, str]:
    """Write a value; give text and media type."""
    body, media, _ = plan(Signature((), returns=adapter.hint()), STYLE_OF_BUNDLES.nan_style).encode(value)
    assert isinstance(body, bytes)
    return body.decode(), media


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(np.array([0, 1]), "[0, 1]", id="an array"),
        pytest.param(np.array([[0.5]]), "[[0.5]]", id="an array of rows"),
        pytest.param(np.int64(3), "3", id="a number of NumPy's"),
        pytest.param(pd.DataFrame({"a": [1, 2]}), '[{"a": 1}, {"a": 2}]', id="a frame as records"),
        pytest.param(pd.Series([1, 2]), "[1, 2]", id="a series"),
        pytest.param({"a": np.array([1])}, '{"a": [1]}', id="an array in an object"),
        pytest.param([pd.DataFrame({"a": [1]})], '[[{"a": 1}]]', id="a frame in a list"),
        pytest.param("é", '"é"', id="text"),
        pytest.param(None, "null", id="nothing"),
        pytest.param([], "[]", id="an empty list"),
        pytest.param(True, "true", id="true"),
        pytest.param(float("nan"), "NaN", id="NaN, as Python writes it"),
        pytest.param(datetime.date(2026, 1, 2), '"2026-01-02"', id="a day"),
        pytest.param({1: 2}, '{"1": 2}', id="a key that is no text"),
    ],
)
def test_any_value(value: Any, expected: str) -> None:
    """A value becomes JSON by what it is."""
    assert written(DefaultOutput(), value) == (expected, "application/json")


@pytest.mark.parametrize(
    ("orient", "expected"),
    [
        ("records", '[{"a": 1, "b": 0.5}, {"a": 2, "b": NaN}]'),
        ("columns", '{"a": {"x": 1, "y": 2}, "b": {"x": 0.5, "y": NaN}}'),
        ("index", '{"x": {"a": 1, "b": 0.5}, "y": {"a": 2, "b": NaN}}'),
        ("split", '{"columns": ["a", "b"], "index": ["x", "y"], "data": [[1, 0.5], [2, NaN]]}'),
        ("values", "[[1, 0.5], [2, NaN]]"),
    ],
)
def test_frames(orient: str, expected: str) -> None:
    """A frame is written in each orient of pandas."""
    assert written(DataframeOutput(output_orient=orient), FRAME)[0].replace("null", "NaN") == expected


def test_an_answer_of_another_kind() -> None:
    """An output for frames, or for tensors, says what the function returned in their place."""
    with pytest.raises(TypeError, match="must be a pandas DataFrame, not list"):
        written(DataframeOutput(), [1])
    with pytest.raises(TypeError, match="must be a tensor, not str"):
        written(TfTensorOutput(), "a")
    assert written(TfTensorOutput(), np.array([1]))[0] == "[1]"
    assert written(DataframeOutput(), [])[0] == "[]"  # a request without rows


@given(some.text())
def test_ascii(text: str) -> None:
    """With `ensure_ascii` every letter is one of ASCII, and means the same."""
    found = written(JsonOutput(ensure_ascii=True), {"t": text})[0]
    assert found.isascii()
    assert json.loads(found) == {"t": text}


def test_letters_as_they_are() -> None:
    """Without it letters stay as they are."""
    assert written(JsonOutput(), "é")[0] == '"é"'
    assert written(JsonOutput(ensure_ascii=True), "é𝄞")[0] == '"\\u00e9\\ud834\\udd1e"'


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (JsonOutput, {"ensure_ascii": 1}, "`ensure_ascii` must be True or False: 1"),
        (DataframeOutput, {"output_orient": "table"}, "`output_orient` must be one of records"),
    ],
)
def test_wrong_options(make: Any, options: dict[str, Any], words: str) -> None:
    """An option that cannot be is refused by its name."""
    with pytest.raises(ConfigError, match=words):
        make(**options)


def test_they_say_what_they_are() -> None:
    """Each output tells its options and its packages."""
    assert JsonOutput(ensure_ascii=True).config == {"ensure_ascii": True}
    assert (DefaultOutput().config, DefaultOutput().pip_dependencies) == ({}, [])
    assert DataframeOutput().pip_dependencies == ["pandas"]
    assert is_custom(JsonOutput()) is False
    assert BaseOutputAdapter(own=1).config == {"own": 1}


def test_results_of_tasks() -> None:
    """Results are packed for tasks that were not discarded; a result of the function's own stays."""
    tasks = [InferenceTask(), InferenceTask(), InferenceTask()]
    tasks[1].discard(err_msg="no")
    own = InferenceError(err_msg="bad", http_status=400)
    found = JsonOutput().pack_user_func_return_value([{"a": 1}, own], tasks)
    assert [result.data for result in found] == [b'{"a": 1}', None]
    assert found[0].http_headers["Content-Type"] == "application/json"
    assert found[0].task_id == tasks[0].task_id
    assert found[1] is own


def task(batch: int | None = None, *, discarded: bool = False) -> InferenceTask:
    """Make a task."""
    return InferenceTask(batch=batch, is_discarded=discarded)


@pytest.mark.parametrize(
    ("result", "batches", "expected"),
    [
        pytest.param([1, 2, 3], [1, 2], [[1], [2, 3]], id="items by rows"),
        pytest.param(np.array([1, 2, 3]), [0, 3], [[], [1, 2, 3]], id="an array by rows"),
        pytest.param([1, 2], [None, None], [1, 2], id="an item each"),
        pytest.param(np.array([[1], [2]]), [None, None], [[1], [2]], id="a row each"),
        pytest.param(pd.Series([1, 2]), [None, None], [1, 2], id="a series' item each"),
        pytest.param((1, 2), [None, None], [1, 2], id="a tuple"),
        pytest.param(map(str, [1, 2]), [None, None], ["1", "2"], id="a generator"),
        pytest.param([[1, 2]], [None], [[1, 2]], id="a list for one task"),
    ],
)
def test_shares(result: Any, batches: list[int | None], expected: list[Any]) -> None:
    """Each task gets as many results as it had items."""
    tasks = [task(batch) for batch in batches]
    found = share(result, tasks)
    assert [each for each, _ in found] == tasks
    assert [value.tolist() if hasattr(value, "tolist") else value for _, value in found] == expected


def test_shares_of_discarded_tasks() -> None:
    """A function may leave out the results of tasks that it discarded, or give some in their place."""
    tasks = [task(), task(discarded=True), task()]
    for result in ([1, 3], [1, None, 3]):
        assert [value for _, value in share(result, tasks)] == [1, 3]
    rows = [task(2), task(1, discarded=True), task(1)]
    for result in ([1, 2, 4], [1, 2, 3, 4]):
        assert [value for _, value in share(result, rows)] == [[1, 2], [4]]
    assert share(None, [task(discarded=True)]) == []
    assert share([], [task(discarded=True)]) == []


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ([1], "a batch of 2 items must be answered by as many, not 1"),
        ([1, 2, 3], "by as many, not 3"),
        ("ab", "must be answered by a list of its items, not str"),
        ({"a": 1, "b": 2}, "not dict"),
        (3, "not int"),
        (None, "not NoneType"),
        (np.array(3), "not by a single number"),
    ],
)
def test_what_cannot_be_shared(result: Any, words: str) -> None:
    """What is no list of as many results is the function's mistake, for all tasks."""
    with pytest.raises(Misfit, match=words):
        share(result, [task(), task()])


def test_items() -> None:
    """The items of a frame are frames of one row."""
    first, second = items(pd.DataFrame({"a": [1, 2]}))
    assert (first.to_dict("list"), second.to_dict("list")) == ({"a": [1]}, {"a": [2]})
    assert items(np.array([1, 2])) == [1, 2]
    assert InferenceResult(data=3).text == 3
