"""Inputs of a command line are read as each adapter takes them."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.bundles.commandline import Given, parse

from ekiben.core.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, in which the command runs."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.json").write_text("[1]")
    (tmp_path / "c.png").write_bytes(b"png")
    (tmp_path / "d").write_bytes(b"data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "names", "expected"),
    [
        pytest.param(["--input", "[1]"], ("",), [{"": Given(b"[1]")}], id="an input on the line"),
        pytest.param(["--input", "1", "é"], ("",), [{"": Given(b"1")}, {"": Given("é".encode())}], id="several"),
        pytest.param(["--input", "1", "--input", "2"], ("",), [{"": Given(b"1")}, {"": Given(b"2")}], id="or twice"),
        pytest.param(["--input", "-1.5"], ("",), [{"": Given(b"-1.5")}], id="a negative number"),
        pytest.param(
            ["--input-file", "a.csv", "b.json"],
            ("",),
            [{"": Given(b"x\n1\n", "text/csv", "a.csv")}, {"": Given(b"[1]", "application/json", "b.json")}],
            id="files, their types by their endings",
        ),
        pytest.param(
            ["--input-file", "d", "--format", "csv"], ("",), [{"": Given(b"data", "text/csv", "d")}], id="a type said"
        ),
        pytest.param(
            ["--input-file", "d"], ("",), [{"": Given(b"data", "application/octet-stream", "d")}], id="an unknown type"
        ),
        pytest.param(
            ["--input-file-left", "c.png", "--input-file-right", "d"],
            ("left", "right"),
            [{"left": Given(b"png", "image/png", "c.png"), "right": Given(b"data", "application/octet-stream", "d")}],
            id="named files",
        ),
        pytest.param(["--input-left", "1"], ("left", "right"), [{"left": Given(b"1")}], id="one of two names"),
    ],
)
def test_inputs(folder: Path, words: list[str], names: tuple[str, ...], expected: list[Any]) -> None:
    """Each call gets its inputs, by name."""
    assert list(parse(words, names)) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "there is nothing to run over", id="nothing"),
        pytest.param(["--input"], "expected at least one argument", id="an option without a value"),
        pytest.param(["--inputs", "1"], "unrecognized arguments: --inputs 1", id="an unknown option"),
        pytest.param(["--inp", "1"], "unrecognized arguments", id="half an option"),
        pytest.param(["--input-file", "nowhere.csv"], "`--input-file` cannot be read: No such file", id="no file"),
        pytest.param(["--input-file", "."], "cannot be read: Is a directory", id="a folder"),
        pytest.param(["--input", "1", "--format", "xml"], "invalid choice: 'xml'", id="an unknown format"),
    ],
)
def test_what_cannot_be_read(folder: Path, words: list[str], message: str) -> None:
    """A mistake is told in words, and never leaves the program by itself."""
    with pytest.raises(ConfigError, match=message):
        list(parse(words))


def test_named_inputs_that_do_not_pair(folder: Path) -> None:
    """As many files must be given for each name."""
    with pytest.raises(ConfigError, match="`--input-right` must be given 2 times"):
        list(parse(["--input-file-left", "c.png", "d", "--input-file-right", "d"], ("left", "right")))


def test_where_an_error_is() -> None:
    """An error about a file begins with its name; one about the line itself does not."""
    assert (Given(b"", "", "a.csv").where, Given(b"").where) == ("a.csv: ", "")
