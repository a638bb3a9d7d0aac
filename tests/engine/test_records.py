"""Records are lines in files of bounded size, and their columns stand beside them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.engine.records import Column, Lines, check_options

X = (Column("x", "feature", "numerical"),)
XY = (*X, Column("y", "prediction", "categorical"))


def written(folder: Path, name: str = "data") -> list[str]:
    return (folder / "iris" / name / f"{name}.{os.getpid()}.log").read_text().splitlines()


def test_files(tmp_path: Path) -> None:
    """Lines are written as they are, below the monitor's name, in files that bear the process id."""
    lines = Lines("iris", str(tmp_path))
    lines.write_lines(X, [b'{"x":1}', b'{"x":2}'])
    assert written(tmp_path) == ['{"x":1}', '{"x":2}'], "they are there at once"
    lines.write([column.to_json() for column in X], [{"x": 3}])
    lines.close()
    assert written(tmp_path)[2] == '{"x":3}'


def test_columns_are_written_when_they_change(tmp_path: Path) -> None:
    """The schema has a line for each set of columns, in their order."""
    lines = Lines("iris", str(tmp_path))
    for columns in (X, X, XY, X):
        lines.write_lines(columns, [b"{}"])
    lines.close()
    found = [json.loads(line)["columns"] for line in written(tmp_path, "schema")]
    assert [[column["name"] for column in columns] for columns in found] == [["x"], ["x", "y"], ["x"]]
    assert found[0] == [{"name": "x", "role": "feature", "data_type": "numerical"}]


def test_rotation(tmp_path: Path) -> None:
    """A file that is full is renamed; no more than so many are kept, and no line is torn."""
    lines = Lines("iris", str(tmp_path), max_bytes=20, backups=2)
    for number in range(7):
        lines.write_lines(X, [b'{"x":%d}' % number, b'{"x":%d}' % number])
    lines.close()
    files = sorted((tmp_path / "iris/data").iterdir())
    assert [file.name.partition(".log")[2] for file in files] == ["", ".1", ".2"]
    numbers = [json.loads(line)["x"] for file in files for line in file.read_text().splitlines()]
    assert numbers == [6, 6, 5, 5, 4, 4]
    assert all(file.stat().st_size <= 20 for file in files)


def test_no_backup(tmp_path: Path) -> None:
    """Without backups a full file begins anew."""
    lines = Lines("iris", str(tmp_path), max_bytes=10, backups=0)
    for number in range(3):
        lines.write_lines(X, [b'{"x":%d}' % number])
    lines.close()
    assert written(tmp_path) == ['{"x":2}']
    assert len(list((tmp_path / "iris/data").iterdir())) == 1


def test_goes_on_in_its_file(tmp_path: Path) -> None:
    """A monitor that is opened again adds to what is there."""
    for _ in range(2):
        lines = Lines("iris", str(tmp_path))
        lines.write_lines(X, [b"{}"])
        lines.close()
    assert written(tmp_path) == ["{}", "{}"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"log_path": ""}, "`monitoring.options.log_path` must be the path of a folder: ''"),
        ({"log_path": 3}, "`monitoring.options.log_path` must be the path of a folder: 3"),
        ({"max_bytes": 0}, "`monitoring.options.max_bytes` must be a whole number of at least 1: 0"),
        ({"backups": -1}, "`monitoring.options.backups` must be a whole number of at least 0: -1"),
        ({"backups": True}, "`monitoring.options.backups` must be a whole number"),
        ({"nope": 1}, "there is no option `monitoring.options.nope`"),
    ],
)
def test_options(options: dict[str, Any], words: str) -> None:
    """An option that is not what it must be is refused by its path."""
    with pytest.raises(ConfigError) as caught:
        check_options(options)
    assert caught.value.message.startswith(words)
