"""Rows become what the endpoint's hints ask for: a row a call where its shape says so, else many."""

import io
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest

import ekiben
from ekiben.services.load import load
from ekiben.tools.batch import endpoint, sources
from ekiben.tools.batch.offline import Ask, Failure, Offline
from ekiben.tools.batch.outputs import JsonLines, dump_of
from ekiben.validators import DType, Shape


@ekiben.service
class Shapes:
    """Arrays of several shapes, a context, a task."""

    @ekiben.api
    def row(self, x: Annotated[np.ndarray, Shape((2,)), DType("int64")]) -> int:
        assert x.shape == (2,)
        return int(x.sum())

    @ekiben.api(batchable=True)
    def flat(self, x: Annotated[np.ndarray, Shape((-1,))]) -> np.ndarray:
        return x * 2

    @ekiben.api
    def ints(self, x: Annotated[np.ndarray, Shape((-1, 2)), DType("int64")]) -> np.ndarray:
        return x

    @ekiben.api
    def told(self, a: int, ctx: ekiben.Context) -> str:
        return f"{a} {Path(ctx.temp_dir).is_dir()}"

    @ekiben.task
    def job(self, a: int) -> int:
        return a


@pytest.mark.parametrize(
    ("name", "table", "expected"),
    [
        pytest.param("row", "a,b\n1,2\n3,4.5\n9007199254740993,0\n", [3, None, 9007199254740993], id="a row a call"),
        pytest.param("flat", "a\n1\n2.5\n", [2.0, 5.0], id="a column is a batch of single numbers"),
        pytest.param("ints", "a,b\n1,2\n9007199254740993,0\n", [[1, 2], [9007199254740993, 0]], id="no digit is lost"),
        pytest.param("told", "a\n1\n2.5\n", ["1 True", None], id="a method gets its context"),
        pytest.param("job", "a\n1\n", [1], id="a task is run as a call"),
    ],
)
async def test_rows(tmp_path: Path, name: str, table: str, expected: list[Any]) -> None:
    """The same rows go to each endpoint in the form that its hints ask for."""
    (tmp_path / "t.csv").write_text(table)
    written, failures = io.BytesIO(), list[Failure]()
    files = sources.find(["t.csv"], tmp_path, whole=False)
    made = Offline(endpoint.choose(load(Shapes), name), files, Ask(), failures.append, lambda words: None)
    await made.run(JsonLines(written, dump_of("null")), lambda tally: None)
    assert [json.loads(line) for line in written.getvalue().splitlines()] == expected
    assert len(failures) == expected.count(None)
