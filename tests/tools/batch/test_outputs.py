"""Results are written in order, whole, in the form that the ending names."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from ekiben.core.errors import StoreError
from ekiben.tools.batch.outfile import Interrupted, written
from ekiben.tools.batch.outputs import FAILED, dump_of

DUMP = dump_of("null")


class Point(BaseModel):
    x: int
    y: str


def write(path: Path, *chunks: list[Any]) -> list[dict[int, str]]:
    with written(path, DUMP) as output:
        return [output.write(chunk) for chunk in chunks]


def stop(path: Path, error: BaseException) -> None:
    """Write one result, and end by *error*."""
    with written(path, DUMP) as output:
        output.write([1])
        raise error


def test_csv_forms(tmp_path: Path) -> None:
    """Members are columns, lists are JSON, text is as it is; rows that fail at first wait for the names."""
    path = tmp_path / "a.csv"
    write(path, [FAILED], [{"a": 1, "b": "x,y"}, {"b": [1, 2]}, {"a": float("nan"), "b": None}])
    assert path.read_text() == 'a,b\n"",""\n1,"x,y"\n,"[1,2]"\n,\n'.replace('"",""', ",")
    write(path, [np.array([1.5, 2.5]), np.array([3.0, 4.0])])
    assert path.read_text() == "0,1\n1.5,2.5\n3.0,4.0\n"
    write(path, [Point(x=1, y="z"), FAILED])
    assert path.read_text() == "x,y\n1,z\n,\n"
    write(path, [FAILED])
    assert path.read_text() == 'prediction\n""\n'
    (lost,) = write(path, [{"a": 1}, {"a": 1, "c": 2}])
    assert "other columns than the first" in lost[1]


def test_what_json_does_not_hold(tmp_path: Path) -> None:
    """A result without a JSON form is a failed one, with the reason."""
    path = tmp_path / "a.jsonl"
    (lost,) = write(path, [1, object(), "ü"])
    assert path.read_text() == '1\nnull\n"ü"\n'
    assert "cannot be written as JSON" in lost[1]


def test_an_empty_list(tmp_path: Path) -> None:
    """Nothing at all is a file that can be read."""
    for name in ("a.json", "a.csv", "a.npy", "a.parquet", "a.jsonl"):
        write(tmp_path / name)
    assert json.loads((tmp_path / "a.json").read_text()) == []
    assert np.load(tmp_path / "a.npy").shape == (0,)
    assert len(pd.read_parquet(tmp_path / "a.parquet")) == 0


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.npy", "a.parquet"])
@pytest.mark.parametrize("results", [[1, 2, 3], [1.5, 2.5, 3.5], ["a", "b", "c"], [True, False, True]])
def test_all_is_well(tmp_path: Path, name: str, results: list[Any]) -> None:
    """Where no row fails, values of each type are read back as they were."""
    path = tmp_path / name
    assert write(path, results[:2], results[2:]) == [{}, {}]
    match path.suffix:
        case ".csv":
            found = pd.read_csv(path).prediction.tolist()
        case ".json":
            found = json.loads(path.read_text())
        case ".jsonl":
            found = [json.loads(line) for line in path.read_text().splitlines()]
        case ".npy":
            found = np.load(path).tolist()
        case _:
            found = pd.read_parquet(path).prediction.tolist()
    assert found == results
    assert [type(one) for one in found] == [type(one) for one in results]


def test_npy_types_grow(tmp_path: Path) -> None:
    """Chunks of other types become one array that holds all; one of another shape fails."""
    path = tmp_path / "a.npy"
    lost = write(path, [np.int8(1)], [np.int64(2**40), 2.5], [FAILED, np.array([1, 2]), "x"])
    assert np.load(path)[:3].tolist() == [1.0, 2.0**40, 2.5]
    assert np.isnan(np.load(path)[3:]).all()
    assert sorted(lost[2]) == [1, 2]
    write(path, [np.int64(1)], [np.int64(2)], [])
    assert (np.load(path).tolist(), np.load(path).dtype) == ([1, 2], np.int64)
    write(path, [True], [FAILED])
    assert np.load(path)[0] == 1.0
    write(path, [True, False])
    assert np.load(path).dtype == np.bool_
    write(path, ["a", "long"], [FAILED])
    assert np.load(path).tolist() == ["a", "long", ""]
    write(path, [np.array([[1, 2]], dtype=np.float32), np.array([[3, 4]], dtype=np.float32)])
    assert (np.load(path).dtype, np.load(path).shape) == (np.float32, (2, 1, 2))


def test_parquet_types_grow(tmp_path: Path) -> None:
    """Columns that come later, whole numbers and fractions, and failed rows stand in one table."""
    path = tmp_path / "a.parquet"
    write(path, [FAILED, FAILED], [{"a": 1}], [{"a": 1.5, "b": "x"}, {"b": "y"}])
    found = pd.read_parquet(path)
    assert found["b"].fillna("-").tolist() == ["-", "-", "-", "x", "y"]
    assert found["a"].fillna(-1).tolist() == [-1, -1, 1, 1.5, -1]


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.npy", "a.parquet"])
def test_a_failure_leaves_nothing(tmp_path: Path, name: str) -> None:
    """An error leaves the earlier file, and nothing beside it."""
    (tmp_path / name).write_text("earlier")
    with pytest.raises(RuntimeError):
        stop(tmp_path / name, RuntimeError())
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "earlier"


@pytest.mark.parametrize(("name", "left"), [("a.csv", "prediction\n1\n"), ("a.jsonl", "1\n"), ("a.npy", None)])
def test_ctrl_c(tmp_path: Path, name: str, left: str | None) -> None:
    """Ctrl-C keeps what can be read, under another name; a link there is replaced."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / f"{name}.part").symlink_to("precious")
    with pytest.raises(Interrupted) as stopped:
        stop(tmp_path / name, KeyboardInterrupt())
    assert stopped.value.kept == (None if left is None else tmp_path / f"{name}.part")
    assert not (tmp_path / name).exists()
    assert (tmp_path / "precious").read_text() == "precious"
    if left is not None:
        assert (tmp_path / f"{name}.part").read_text() == left


def test_no_place(tmp_path: Path) -> None:
    """A folder that is gone is told in words."""
    with pytest.raises(StoreError, match="cannot write"), written(tmp_path / "no" / "a.csv", DUMP):
        pytest.fail("it was opened")
