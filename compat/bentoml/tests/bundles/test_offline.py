"""`bentoml run`'s work: an inference API over inputs of the command line."""

import io
from pathlib import Path
from typing import Any

import pytest
from bentoml.bundles.bind import bind
from bentoml.bundles.offline import run
from PIL import Image

from compat.bentoml.tests.bundles import flowers
from compat.bentoml.tests.bundles.test_beside import Plain
from ekiben.core.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files, in which the command runs."""
    (tmp_path / "iris_data.csv").write_text("a,b\n5.1,3.5\n1,2\n")
    (tmp_path / "rows.json").write_text('[{"a": 1, "b": 2}]')
    (tmp_path / "rows.txt").write_text("a,b\n1,2\n")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "words.txt").write_text("hello")
    picture = io.BytesIO()
    Image.new("RGB", (3, 2)).save(picture, "PNG")
    (tmp_path / "a.png").write_bytes(picture.getvalue())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(name: str | None, *words: str, service: Any = None, size: int | None = None) -> tuple[int, list[str]]:
    """Run an API; give the exit code and the texts of the results."""
    shown: list[str] = []
    code = run(bind(service or flowers.Flowers()), name, words, lambda result: shown.append(str(result.text)), size)
    return code, shown


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        pytest.param("predict", ["--input", "[[5.1, 3.5, 1.4, 0.2]]"], ["[10.2]"], id="a row on the line"),
        pytest.param("predict", ["--input", "[[1, 2]]", "[[3, 4], [5, 6]]"], ["[3]", "[7, 11]"], id="several inputs"),
        pytest.param("predict", ["--input-file", "./iris_data.csv"], ["[8.6, 3.0]"], id="CSV by its ending"),
        pytest.param("predict", ["--input-file", "rows.txt"], ["[3]"], id="CSV by its content"),
        pytest.param("predict", ["--input-file", "rows.json", "rows.txt"], ["[3]", "[3]"], id="several files"),
        pytest.param("predict", ["--input-file", "rows.txt", "--format", "csv"], ["[3]"], id="CSV as it is said"),
        pytest.param("picky", ["--input-file", "iris_data.csv"], ["[8.6, 3.0]"], id="an API with tasks"),
        pytest.param("one", ["--input", '{"a": 1}'], ['{"a": 1}'], id="JSON"),
        pytest.param("text", ["--input", "é"], ['["\\u00e9"]'], id="text on the line"),
        pytest.param("text", ["--input-file", "words.txt"], ['["hello"]'], id="text of a file"),
        pytest.param("files", ["--input-file", "words.txt"], ['["", "text/plain", 5]'], id="a file"),
        pytest.param("shapes", ["--input-file", "a.png", "a.png"], ["[2, 3]", "[2, 3]"], id="pictures"),
        pytest.param("compare", ["--input-file-left", "a.png", "--input-file-right", "a.png"], ["true"], id="a pair"),
        pytest.param("annotated", ["--input-file-image_file", "a.png"], ["[[2, 3, 3], null]"], id="a picture alone"),
        pytest.param("pair", ["--input-first", "x"], ['["x", null]'], id="named text"),
        pytest.param("floats", ["--input", "[1, 2]"], ['["float32", 3.0]'], id="numbers"),
        pytest.param("own", ["--input", "1"], ['{"got": 1}'], id="a result of the function's own"),
        pytest.param("shout", ["--input", "a"], ["<a>A from nobody </a>"], id="adapters of a user's own"),
    ],
)
def test_results(folder: Path, name: str, words: list[str], expected: list[str]) -> None:
    """Each input is answered with the text that a server would send."""
    assert ran(name, *words) == (0, expected)


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        pytest.param("predict", ["--input", "3"], "must be a table", id="no table"),
        pytest.param("predict", ["--input-file", "broken.json"], "broken.json: ", id="a file that is no JSON"),
        pytest.param("judged", ["--input", "-3"], "-3 is below nothing", id="a discarded task"),
        pytest.param("broken", ["--input", "1"], "a secret: [1]", id="a function that raises: the user sees why"),
        pytest.param("short", ["--input", "[[1]]"], "must be answered by as many", id="a result too many"),
        pytest.param("compare", ["--input-file-left", "a.png"], "right", id="a file is missing"),
    ],
)
def test_failures(folder: Path, name: str, words: list[str], told: str) -> None:
    """An input that fails is told with its reason, and the exit code is not 0."""
    code, (text,) = ran(name, *words)
    assert code == 1
    assert told in text


def test_the_others_go_on(folder: Path) -> None:
    """An input that fails leaves those beside it alone."""
    assert ran("judged", "--input", "1", "-1", "2") == (1, ["2", "-1 is below nothing", "4"])


def test_the_size_of_batches(folder: Path) -> None:
    """`--max-batch-size` bounds the rows that the function is given."""
    assert ran("together", "--input", "[[1], [2], [3]]", size=2) == (0, ["[2, 2, 1]"])


def test_the_only_api() -> None:
    """The API's name may be left out where there is one only; an unknown one is refused."""
    assert ran(None, "--input", "5", service=Plain()) == (0, ["5"])
    with pytest.raises(ConfigError, match="must name what to run"):
        ran(None, "--input", "5")
    with pytest.raises(ConfigError, match="has no endpoint `nothing`"):
        ran("nothing", "--input", "5")
    with pytest.raises(ConfigError, match="`metadata` is no inference API"):
        ran("metadata", "--input", "5")
    with pytest.raises(ConfigError, match="there is nothing to run over"):
        ran("one")
