"""A sample is kept without pickling it, and becomes the schema of what is served."""

import datetime
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from ekiben.core.errors import InvalidInput
from ekiben.frameworks import sample
from ekiben.schema.hints import settle

TABLE = pd.DataFrame(
    {
        "length": [5.1, 4.9],
        "count": [1, 2],
        "name": ["a", "b"],
        "kind": pd.Categorical(["x", "y"]),
        "when": pd.to_datetime(["2026-01-01", "2026-01-02"]),
        "is_new": [True, False],
    }
)


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        pytest.param("text", {"type": "string"}, id="one text"),
        pytest.param(["a", "b"], {"type": "array", "items": {"type": "string"}}, id="texts"),
        pytest.param(
            [[1, 2.5], [3, 4]],
            {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            id="rows of numbers, whole ones standing for any",
        ),
        pytest.param([1, "a"], {"type": "array", "items": {}}, id="a mixed list holds anything"),
        pytest.param(
            {"text": "a", "top_k": 3, "flags": [True]},
            {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "top_k": {"type": "number"},
                    "flags": {"type": "array", "items": {"type": "boolean"}},
                },
                "required": ["text", "top_k", "flags"],
            },
            id="a record",
        ),
        pytest.param(None, {}, id="nothing"),
        pytest.param(np.float32(2), {"type": "number"}, id="a number of NumPy's"),
        pytest.param(pd.Series(["a", "b"]), {"type": "array", "items": {"type": "string"}}, id="a column of a frame"),
    ],
)
def test_plain_data(value: Any, schema: dict[str, Any], tmp_path: Path) -> None:
    """Plain data is described by JSON Schema, and read back equal."""
    description = sample.write(value, tmp_path)
    assert description == {"kind": "record", "schema": schema, "file": "sample.json"}
    assert sample.read(tmp_path, description) == (value.tolist() if hasattr(value, "tolist") else value)


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        pytest.param(np.ones((3, 4)), "float64", [-1, 4], id="rows"),
        pytest.param(np.ones((2, 8, 8, 3), np.uint8), "uint8", [-1, 8, 8, 3], id="pictures"),
        pytest.param(np.array([True, False]), "bool", [-1], id="booleans"),
        pytest.param(np.array(["ab", "c"]), "str", [-1], id="texts of any length"),
        pytest.param(np.asarray(1.5), "float64", [], id="a single number"),
    ],
)
def test_arrays(value: np.ndarray, dtype: str, shape: list[int], tmp_path: Path) -> None:
    """An array keeps dtype and shape; the first axis is open."""
    description = sample.write(value, tmp_path)
    assert description == {"kind": "ndarray", "dtype": dtype, "shape": shape, "file": "sample.npy"}
    assert np.array_equal(sample.read(tmp_path, description), value)


def test_a_frame(tmp_path: Path) -> None:
    """A frame keeps its columns and their dtypes, times and categories included."""
    description = sample.write(TABLE, tmp_path)
    assert list(description["dtypes"]) == list(TABLE.columns)
    pd.testing.assert_frame_equal(sample.read(tmp_path, description), TABLE)


def test_an_object_with_array(tmp_path: Path) -> None:
    """A tensor of another library is kept as the array that it gives."""

    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return np.ones((2, 3), np.float32)

    assert sample.write(Tensor(), tmp_path)["shape"] == [-1, 3]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(np.array([{"a": 1}], dtype=object), "an array of object", id="an array of objects"),
        pytest.param(np.array(["2026-01-01"], dtype="datetime64[D]"), "datetime64", id="an array of times"),
        pytest.param(np.ones(2, complex), "complex128", id="complex numbers"),
        pytest.param({1, 2}, r"a builtins\.set", id="a set"),
        pytest.param([datetime.date(2026, 1, 1)], r"it holds a datetime\.date", id="something inside a list"),
        pytest.param({(1, 2): "a"}, "keys must be", id="a key that is no text"),
        pytest.param(pd.DataFrame(np.ones((1, 2))), "names of text", id="a frame with numbers for names"),
        pytest.param(pd.DataFrame([[1, 2]], columns=["a", "a"]), "each once", id="a frame with a name twice"),
        pytest.param(pd.DataFrame({"a": [object()]}), r"it holds a builtins\.object", id="a frame of objects"),
    ],
)
def test_what_is_refused(value: Any, message: str, tmp_path: Path) -> None:
    """What JSON and arrays cannot hold is refused, and never pickled."""
    with pytest.raises(InvalidInput, match=message):
        sample.write(value, tmp_path)


def test_a_list_that_holds_itself(tmp_path: Path) -> None:
    """Data without end is refused."""
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="`sample` must be"):
        sample.write(endless, tmp_path)


def test_a_forged_sample_is_not_unpickled(tmp_path: Path) -> None:
    """A pickle in place of the array is refused when it is read."""

    class Attack:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "owned",))

    (tmp_path / sample.ARRAY).write_bytes(pickle.dumps(Attack()))
    with pytest.raises(ValueError, match="pickle"):
        sample.read(tmp_path, {"kind": "ndarray", "file": sample.ARRAY})
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("value", "good", "bad"),
    [
        pytest.param(np.ones((2, 4)), [[1, 2, 3, 4]], [[1, 2]], id="rows"),
        pytest.param(["a"], ["x", "y", "z"], "x", id="texts"),
        pytest.param("a", "x", ["x"], id="one text"),
        pytest.param([[1, 2]], [[1.5, 2]], [["a"]], id="numbers"),
        pytest.param({"text": "a", "n": 1}, {"text": "b", "n": 2}, {"text": "b"}, id="a record"),
        pytest.param({"text": "a"}, {"text": "b"}, {"text": "b", "more": 1}, id="a record without more"),
        pytest.param([{"a": [1]}], [{"a": []}, {"a": [2]}], [{"a": "x"}], id="records in a list"),
    ],
)
def test_hint(value: Any, good: Any, bad: Any, tmp_path: Path) -> None:
    """The type that a sample gives takes its like and refuses the rest; the method gets plain data."""
    adapter = TypeAdapter(settle(sample.hint(sample.write(value, tmp_path))))
    assert np.array_equal(adapter.validate_python(good), good)
    with pytest.raises(ValidationError):
        adapter.validate_python(bad)


def test_the_hint_of_a_frame(tmp_path: Path) -> None:
    """A frame's columns are asked for by name."""
    adapter = TypeAdapter(settle(sample.hint(sample.write(TABLE[["length", "name"]], tmp_path))))
    read = adapter.validate_python([{"name": "a", "length": 1.0}])
    assert list(read.columns) == ["length", "name"]
    with pytest.raises(ValidationError, match="length"):
        adapter.validate_python([{"name": "a"}])


def test_an_output_of_any_kind_is_described() -> None:
    """What a method gives is never a reason to refuse it."""
    assert sample.describe(object()) == {"kind": "other", "type": "builtins.object"}
    assert sample.describe([np.ones(2)])["kind"] in ("record", "other")
