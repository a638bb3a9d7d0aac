"""A run finds each row that fails, whatever its rows were joined with, and goes on."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben
from ekiben.core.errors import ConfigError, MissingLibrary
from ekiben.services.load import load
from ekiben.tools.batch import endpoint, match, offline, outfile, sources
from ekiben.tools.batch.offline import Ask, Failure, Offline
from ekiben.tools.batch.outputs import JsonLines, dump_of

ONE = """
import ekiben

@ekiben.service
class One:
    @ekiben.api
    def same(self, a: int) -> int:
        return a
"""


@ekiben.service
class Strict:
    """Refuses thirteen, with all that it was joined with."""

    @ekiben.api(batchable=True, max_batch_size=50)
    def double(self, values: list[int]) -> list[int]:
        if 13 in values:
            raise RuntimeError("thirteen")
        return [2 * value for value in values]

    @ekiben.api(batchable=True, max_batch_size=50)
    async def later(self, values: list[int]) -> list[int]:
        return self.double(values)

    @ekiben.api(batchable=True, max_batch_size=8)
    def sums(self, x: np.ndarray) -> dict[str, Any]:
        if (x == 13).any():
            raise RuntimeError("thirteen")
        return {"sum": x.sum(axis=1), "rows": [len(x)] * len(x)}


async def run(name: str, files: list[Path], ask: Ask = Ask()) -> tuple[list[Any], list[Failure], offline.Tally]:
    chosen = endpoint.choose(load(Strict), name)
    found = sources.find([str(path) for path in files], Path("/"), whole=False)
    written, failures = io.BytesIO(), list[Failure]()
    made = Offline(chosen, found, ask, failures.append, lambda words: None)
    await made.run(JsonLines(written, dump_of("null")), lambda tally: None)
    return [json.loads(line) for line in written.getvalue().splitlines()], failures, made.tally


@pytest.mark.parametrize("name", ["double", "later"])
@pytest.mark.parametrize("size", [1, 7, 200, None])
async def test_one_bad_row_fails_alone(tmp_path: Path, name: str, size: int | None) -> None:
    """Each row but the bad one has its result, whatever the batch."""
    path = tmp_path / "v.jsonl"
    path.write_text("".join(f"{n}\n" for n in range(120)) + '"word"\n')
    results, failures, tally = await run(name, [path], Ask(size))
    assert results == [None if n == 13 else 2 * n for n in range(120)] + [None]
    assert [failure.row for failure in failures] == [14, 121]
    assert failures[0].reason.startswith("RuntimeError: thirteen (File ")
    assert (tally.rows, tally.failed, tally.done) == (121, 2, path.stat().st_size)


async def test_whole_calls(tmp_path: Path) -> None:
    """Rows that are objects of the arguments are calls of their own, which are joined; a bad one fails alone."""
    path = tmp_path / "v.jsonl"
    path.write_text("".join(json.dumps({"values": [n, n + 1]}) + "\n" for n in range(0, 40, 2)))
    results, failures, _ = await run("double", [path])
    assert results == [None if n == 12 else [2 * n, 2 * n + 2] for n in range(0, 40, 2)]
    assert [failure.row for failure in failures] == [7]


async def test_objects_of_results(tmp_path: Path) -> None:
    """An object of arrays and lists is taken apart by rows; batches have at most the endpoint's size."""
    np.save(tmp_path / "x.npy", np.ones((20, 2)))
    results, failures, _ = await run("sums", [tmp_path / "x.npy"])
    assert failures == []
    assert [each["sum"] for each in results] == [2.0] * 20
    assert [each["rows"] for each in results] == [8] * 16 + [4] * 4


async def test_a_later_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is damaged, or lacks a column, is noted, and the next is read."""
    (tmp_path / "a.csv").write_text("p,q\n1,2\n")
    (tmp_path / "b.csv").write_text("p\n1\n")
    (tmp_path / "c.npy").write_bytes(b"rubbish")
    (tmp_path / "d.csv").write_text("q,p,more\n5,6,7\n")
    results, failures, tally = await run("sums", sorted(tmp_path.iterdir()))
    assert [each["sum"] for each in results] == [3.0, 11.0]
    assert [failure.row for failure in failures] == [None, None]
    assert "has no column `q`" in failures[0].reason
    assert tally.files == 2


@pytest.mark.parametrize("row", ['{"a": 1}', '{"a": 1, "b": "x"}', "5", "null", '{"a": 1, "b": [1]}'])
async def test_odd_objects(tmp_path: Path, row: str) -> None:
    """Objects that are not as the first fail alone."""
    path = tmp_path / "v.jsonl"
    path.write_text('{"a": 1, "b": 2}\n' * 3 + row + "\n" + '{"b": 4, "a": 3}\n')
    results, failures, _ = await run("sums", [path])
    assert [each and each["sum"] for each in results] == [3, 3, 3, None, 7]
    assert [failure.row for failure in failures] == [4]


def test_missing_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet without pyarrow says what to install, for input and for output."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingLibrary) as missing:
        outfile.check(tmp_path / "a.parquet", "a.parquet")
    assert missing.value.hint == "pip install 'ekiben[pandas]'"


async def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for an input, where nothing was run."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingLibrary) as missing:
        await run("sums", [tmp_path / "a.parquet"])
    assert "pip install" in str(missing.value.hint)


def test_limits_of_time_do_not_hold() -> None:
    """A run has no caller who waits, so that no call of it is too late."""
    chosen = endpoint.choose(load(Strict), "double")
    assert chosen.spec.batch is not None
    assert (chosen.bound.spec.limits.timeout, chosen.spec.timeout) == (None, 0.0)
    assert chosen.spec.batch.max_latency == float("inf")
    with pytest.raises(ConfigError, match="has no endpoint `doubl`"):
        endpoint.choose(load(Strict), "doubl")


def test_files_are_for_those_who_take_them() -> None:
    """Only an endpoint that takes a file is given files as they are."""
    chosen = endpoint.choose(load(Strict), "sums")
    assert not match.takes_files(chosen.signature, {})


def test_progress_on_a_terminal(tmp_path: Path) -> None:
    """A terminal shows how far the run is, on stderr; stdout has the results alone."""
    (tmp_path / "one.py").write_text(ONE)
    (tmp_path / "v.csv").write_text("a\n" + "1\n" * 50)
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "ekiben", "run", "one:One", "--input-file", "v.csv"]
    with subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while part := read(ours):
            shown += part
        assert process.stdout is not None
        assert process.stdout.read() == b"1\n" * 50
    os.close(ours)
    assert process.returncode == 0
    assert b"50 rows" in shown
    assert b"100%" in shown


def read(terminal: int) -> bytes:
    """Read what a terminal shows; nothing once nobody writes to it."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
