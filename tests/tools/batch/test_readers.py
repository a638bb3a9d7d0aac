"""Files are read in chunks; hostile ones are refused in words, and cost no more than a chunk of memory."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ekiben.core.errors import InvalidInput
from ekiben.tools.batch import lines, readers, sources
from ekiben.tools.batch.cells import Asked, Kinds
from ekiben.tools.batch.readers import Chunk

OPEN = Asked({}, {})


def read(path: Path, size: int = 1000) -> list[Chunk]:
    found = sources.source(path, path.name, whole=False)
    return list(readers.chunks(found, size, Kinds(0.5)))


def rows_and_bad(path: Path) -> tuple[list[object], dict[int, str]]:
    rows: list[object] = []
    bad: dict[int, str] = {}
    for chunk in read(path, 3):
        rows += chunk.piece.rows(OPEN)
        bad |= {chunk.first + place: reason for place, reason in chunk.bad.items()}
    return rows, bad


def test_csv_rows_keep_their_numbers(tmp_path: Path) -> None:
    """Rows of another length are bad, by their number; empty lines are none, quoted line breaks are."""
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3\r\n"x\ny",4\r\n5,6,7\r\n8,9\r\n')
    rows, bad = rows_and_bad(path)
    assert rows == [{"a": 1, "b": 2}, {"a": "x\ny", "b": 4}, {"a": 8, "b": 9}]
    assert bad == {
        2: "must have 2 cells, as the first line: it has 1",
        4: "must have 2 cells, as the first line: it has 3",
    }


def test_a_line_that_is_no_text(tmp_path: Path) -> None:
    """A line that is no UTF-8 is a bad row, and those after it are read."""
    (tmp_path / "a.csv").write_bytes(b"a\n1\n\xff\xfe\n3\n")
    assert rows_and_bad(tmp_path / "a.csv") == ([{"a": 1}, {"a": 3}], {2: lines.WRONG})
    (tmp_path / "a.jsonl").write_bytes(b'1\n\xff\n{"a"\n[2]\n')
    rows, bad = rows_and_bad(tmp_path / "a.jsonl")
    assert rows == [1, [2]]
    assert bad[2] == lines.WRONG
    assert bad[3].startswith("is not JSON")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_huge_line_is_passed_over(tmp_path: Path, ending: str) -> None:
    """A line of 100 MB is a bad row; memory holds no more of it than a line may have."""
    path = tmp_path / f"a.{ending}"
    with path.open("wb") as file:
        file.write(b"a\n1\n" if ending == "csv" else b"1\n")
        for _ in range(100):
            file.write(b"7" * 1_000_000)
        file.write(b"\n3\n")
    tracemalloc.start()
    try:
        _, bad = rows_and_bad(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bad == {2: lines.WRONG}
    assert peak < 60_000_000


def test_an_open_quote_ends_with_a_cell(tmp_path: Path) -> None:
    """A quote that nobody closes does not swallow a large file."""
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n"3,4\n' + "5,6\n" * 100_000 + "7,8\n")
    rows, bad = rows_and_bad(path)
    assert rows[0] == {"a": 1, "b": 2}
    assert any("field larger than field limit" in reason for reason in bad.values())
    assert rows[-1] == {"a": 7, "b": 8}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("a.csv", b"", "must begin with a line that names the columns", id="an empty table has no columns"),
        pytest.param("a.csv", b"a,b,a\n1,2,3\n", "names a column twice: 'a'", id="each column has a name of its own"),
        pytest.param("a.csv", b"5.1,3.5\n4.9,3.0\n", "names the columns: 5.1, 3.5", id="data is no line of names"),
        pytest.param("a.json", b'{"a": ', "is not JSON", id="cut JSON"),
        pytest.param("a.json", b"[" * 100_000, "is not JSON", id="JSON that is nested without end"),
        pytest.param("a.npy", b"\x93NUMPY\x01\x00v\x00{'descr': rubbish", "no .npy file", id="a damaged header"),
        pytest.param("a.npy", b"", "no .npy file", id="an empty array file"),
        pytest.param("a.parquet", b"PAR1rubbishPAR1", "no readable Parquet file", id="a damaged Parquet file"),
        pytest.param("a.parquet", b"", "no readable Parquet file", id="an empty Parquet file"),
    ],
)
def test_unreadable(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """A file that is not what its ending says is refused in words."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path / name)
    assert said in str(refused.value)
    assert str(refused.value).startswith(name)


class Bomb:
    """Runs code where it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


def test_pickles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of objects is never unpickled."""
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.array([Bomb(), Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidInput, match=r"no \.npy file of plain values"):
        read(tmp_path / "a.npy")
    assert not Path("exploded").exists()


def test_an_array_that_lies_about_its_length(tmp_path: Path) -> None:
    """A header that promises more than the file has is refused."""
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((1000, 4)))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InvalidInput, match=r"no \.npy file"):
        read(path)


def test_a_large_array_stays_in_its_file(tmp_path: Path) -> None:
    """An array of 80 MB is read a chunk at a time."""
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((1_000_000, 10)))
    source = sources.source(path, "a.npy", whole=False)
    tracemalloc.start()
    try:
        total = sum(len(chunk.piece.array()) for chunk in readers.chunks(source, 1000, Kinds(0.5)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 1_000_000
    assert peak < 10_000_000


def test_large_text_is_read_in_chunks(tmp_path: Path) -> None:
    """A CSV costs the memory of a chunk, however long it is."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1.5,2.5\n" * 200_000)
    source = sources.source(path, "a.csv", whole=False)
    tracemalloc.start()
    try:
        seen = [chunk.done for chunk in readers.chunks(source, 1000, Kinds(0.5))]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(seen) == 200
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size
    assert peak < 10_000_000


def test_parquet_keeps_types(tmp_path: Path) -> None:
    """Numbers of a table are an array, with NaN for what is missing; text is left out of it."""
    path = tmp_path / "a.parquet"
    pd.DataFrame({"t": ["x", "y"], "i": [1, 2], "f": [0.5, None], "b": [True, False]}).to_parquet(path)
    (chunk,) = read(path)
    array = chunk.piece.array()
    assert array.shape == (2, 3)
    assert np.isnan(array[1, 1])
    assert chunk.piece.frame()["t"].tolist() == ["x", "y"]
    assert chunk.piece.cut(1, 2).rows(OPEN) == [{"t": "y", "i": 2, "f": None, "b": False}]


def test_json_is_a_list_or_one_row(tmp_path: Path) -> None:
    """The items of a list are rows, and anything else is one."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps([[1], [2], [3]]))
    assert [len(chunk.piece) for chunk in read(path, 2)] == [2, 1]
    path.write_text('{"a": 1}')
    assert read(path)[0].piece.rows(OPEN) == [{"a": 1}]
    path.write_text("[]")
    assert read(path) == []
