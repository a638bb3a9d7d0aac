"""`ekiben run` answers the rows of files, in their order, and leaves whole files."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import ekiben as product
from tests.cli.conftest import Command

SERVICE = '''
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from PIL.Image import Image
from pydantic import BaseModel, Field

import ekiben


class Flower(BaseModel):
    name: str
    length: float = Field(gt=0)
    note: str | None = None


@ekiben.service
class Many:
    """Endpoints of all forms."""

    sizes: list[int] = []

    @ekiben.api(batchable=True, max_batch_size=500)
    def total(self, x: np.ndarray) -> np.ndarray:
        Many.sizes.append(len(x))
        if (x < 0).any():
            raise ValueError("a number is below 0")
        return x.sum(axis=1)

    @ekiben.api
    def frame(self, table: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"kind": table["kind"], "double": table["size"] * 2})

    @ekiben.api
    def flower(self, flower: Flower) -> dict[str, object]:
        return {"name": flower.name.upper(), "length": flower.length, "note": flower.note}

    @ekiben.api
    def add(self, a: int, b: float = 0.5) -> float:
        return a + b

    @ekiben.api
    async def later(self, text: str) -> str:
        return text[::-1]

    @ekiben.api
    def picture(self, image: Image) -> list[int]:
        return list(image.size)

    @ekiben.api
    def file(self, given: Path) -> str:
        words = given.read_text()
        given.unlink()
        return words

    @ekiben.api
    def over(self, x: np.ndarray, limit: float) -> list[bool]:
        return [bool(row.sum() > limit) for row in x]

    @ekiben.api(batchable=True)
    def words(self, texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    @ekiben.api
    def short(self, x: np.ndarray) -> list[int]:
        return [1]

    @ekiben.api
    def stream(self, x: int):
        yield "a"

    @ekiben.api
    def slow(self, a: int) -> int:
        time.sleep(0.05)
        return a


@ekiben.service
class Single:
    """One endpoint."""

    @ekiben.api
    def double(self, x: float) -> float:
        return 2 * x
'''


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a service."""
    (tmp_path / "many.py").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name == "many"]:
        del sys.modules[name]
    return tmp_path


def lines(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_call(place: Path, ekiben: Command) -> None:
    """`--input` makes one call with the arguments that a server would be sent."""
    assert ekiben("run", "many:Many", "add", "--input", '{"a": 2}').out == "2.5\n"
    ran = ekiben("run", "many:Many", "add", "--input", '{"a": "two"}')
    assert (ran.code, ran.out) == (1, "")
    assert "a: must be a whole number" in ran.err.lower() or "a:" in ran.err
    assert ekiben("run", "many:Many", "add", "--input", '{"a": 2}', "-o", "one.json").code == 0
    assert (place / "one.json").read_text() == "2.5\n"
    assert ekiben("run", "many:Many", "total", "--input", '{"x": [[1, 2], [3, 4]]}', "-o", "two.csv").code == 0
    assert (place / "two.csv").read_text() == "prediction\n3.0\n7.0\n".replace(".0", "")


def test_the_only_endpoint_needs_no_name(place: Path, ekiben: Command) -> None:
    """ENDPOINT is left out where there is one; where there are several, they are named."""
    assert ekiben("run", "many:Single", "--input", '{"x": 2}').out == "4.0\n"
    ran = ekiben("run", "many:Many", "--input", "1")
    assert (ran.code, "total, frame, flower" in ran.err) == (1, True)


def test_a_mistyped_endpoint(place: Path, ekiben: Command) -> None:
    """A mistyped endpoint is answered with the nearest."""
    ran = ekiben("run", "many:Many", "totl", "--input", "1")
    assert ran.code == 1
    assert "has no endpoint `totl`" in ran.err
    assert "did you mean `total`?" in ran.err


def test_a_hundred_thousand_rows(place: Path, ekiben: Command) -> None:
    """A large table goes through in batches; rows that fail are named, all others have their results."""
    numbers = np.arange(200_000, dtype=np.float64).reshape(-1, 2)
    with Path("rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b"])
        for index, row in enumerate(numbers.tolist()):
            writer.writerow({40_001: ["word", 1], 50_000: [1], 60_002: [-1, 1]}.get(index, row))
    ran = ekiben("run", "many:Many", "total", "--input-file", "rows.csv", "-o", "out.csv", "--errors", "bad.jsonl")
    assert ran.code == 1
    assert "error: 3 of 100,000 rows failed" in ran.err
    failed = lines(Path("bad.jsonl").read_text())
    assert [(each["file"], each["row"]) for each in failed] == [("rows.csv", n) for n in (40_002, 50_001, 60_003)]
    assert [each["reason"].split(" (")[0] for each in failed] == [
        "column `a` must be a number: 'word'",
        "must have 2 cells, as the first line: it has 1",
        "ValueError: a number is below 0",
    ]
    found = pd.read_csv("out.csv", skip_blank_lines=False).prediction
    bad = [40_001, 50_000, 60_002]
    assert found.isna().to_numpy().nonzero()[0].tolist() == bad
    assert (found.drop(bad) == pd.Series(numbers.sum(axis=1)).drop(bad)).all()
    sizes = sys.modules["many"].Many.sizes
    assert max(sizes) == 500
    assert len(sizes) < 300  # and not a call a row


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl", "npy", "parquet"])
def test_each_kind_in(place: Path, ekiben: Command, ending: str) -> None:
    """Rows of each kind of file are the same rows to the endpoint."""
    rows = [[1.5, 2.0], [3.0, 4.25], [5.0, 6.0]]
    frame = pd.DataFrame(rows, columns=["a", "b"])
    path = Path(f"rows.{ending}")
    match ending:
        case "csv" | "tsv":
            frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
        case "json":
            path.write_text(json.dumps(rows))
        case "jsonl":
            frame.to_json(path, orient="records", lines=True)
        case "npy":
            np.save(path, np.array(rows))
        case _:
            frame.to_parquet(path)
    ran = ekiben("run", "many:Many", "total", "--input-file", str(path), "--batch-size", "2")
    assert (ran.code, lines(ran.out)) == (0, [3.5, 7.25, 11.0])


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "npy", "parquet"])
def test_each_kind_out(place: Path, ekiben: Command, ending: str) -> None:
    """The n-th result is that of the n-th row in each kind of file, also after rows that failed at first."""
    Path("rows.csv").write_text("a,b\n-1,1\n1,1\n2,2\n")
    path = Path(f"out.{ending}")
    ran = ekiben("run", "many:Many", "total", "--input-file", "rows.csv", "-o", str(path), "--batch-size", "1")
    assert (ran.code, ran.out) == (1, "")
    match ending:
        case "csv":
            found = pd.read_csv(path, skip_blank_lines=False).prediction.tolist()
        case "json":
            found = json.loads(path.read_text())
        case "jsonl":
            found = lines(path.read_text())
        case "npy":
            found = np.load(path).tolist()
        case _:
            found = pd.read_parquet(path).prediction.tolist()
    assert found[0] is None or np.isnan(found[0])
    assert found[1:] == [2.0, 4.0]


def test_a_frame(place: Path, ekiben: Command) -> None:
    """A DataFrame parameter gets the columns of a table with their types; a frame's columns are those of the output."""
    Path("rows.csv").write_text("kind,size\na,1\nb,2.5\nc,\n")
    assert ekiben("run", "many:Many", "frame", "--input-file", "rows.csv", "-o", "out.csv").code == 0
    assert Path("out.csv").read_text() == "kind,double\na,2.0\nb,5.0\nc,\n"
    pd.DataFrame({"kind": ["x"], "size": [7]}).to_parquet("rows.parquet")
    ran = ekiben("run", "many:Many", "frame", "--input-file", "rows.parquet")
    assert lines(ran.out) == [{"kind": "x", "double": 14}]


def test_records(place: Path, ekiben: Command) -> None:
    """A record gets a row; a wrong one fails alone, with its field; text that looks like a number stays text."""
    Path("rows.csv").write_text("name,length\n007,1.5\nrose,-1\ntulip,x\niris,2\n")
    ran = ekiben("run", "many:Many", "flower", "--input-file", "rows.csv")
    rows = lines(ran.out)
    assert rows[1:3] == [None, None]
    assert [rows[0], rows[3]] == [
        {"name": "007", "length": 1.5, "note": None},
        {"name": "IRIS", "length": 2.0, "note": None},
    ]
    assert "rows.csv, row 2: flower.length" in ran.err
    assert "rows.csv, row 3: flower.length" in ran.err


def test_scalars_by_name(place: Path, ekiben: Command) -> None:
    """Scalars are taken from the columns of their names; defaults hold where a cell is empty; the rest is named."""
    Path("rows.csv").write_text("id,b,a\nx,1,2\ny,,3\n")
    ran = ekiben("run", "many:Many", "add", "--input-file", "rows.csv")
    assert (ran.code, lines(ran.out)) == (0, [3.0, 3.5])
    assert "rows.csv: not used: id" in ran.err
    ran = ekiben("run", "many:Many", "add", "--input-file", "rows.csv", "--input", '{"b": 10}')
    assert lines(ran.out) == [12.0, 13.0]
    Path("other.csv").write_text("aa\n1\n")
    ran = ekiben("run", "many:Many", "add", "--input-file", "other.csv")
    assert (ran.code, "has no column `a`" in ran.err, "`aa`" in ran.err) == (1, True, True)


def test_arguments_beside_the_rows(place: Path, ekiben: Command) -> None:
    """What rows do not give is given by `--input`, or asked for."""
    np.save("rows.npy", np.array([[1, 2], [5, 6]]))
    ran = ekiben("run", "many:Many", "over", "--input-file", "rows.npy", "--input", '{"limit": 4}')
    assert lines(ran.out) == [False, True]
    ran = ekiben("run", "many:Many", "over", "--input-file", "rows.npy")
    assert (ran.code, "needs `limit` beside the rows" in ran.err) == (1, True)
    ran = ekiben("run", "many:Many", "over", "--input-file", "rows.npy", "--input", '{"limits": 4}')
    assert (ran.code, "did you mean `limit`?" in ran.err) == (1, True)


def test_many_files(place: Path, ekiben: Command) -> None:
    """Files and patterns are run over in order; columns go by name, whatever their order."""
    Path("b1.csv").write_text("a,b\n1,10\n")
    Path("b2.csv").write_text("b,a\n20,2\n")
    Path("a.jsonl").write_text('{"a": 0, "b": 0}\n')
    ran = ekiben(
        "run", "many:Many", "over", "--input", '{"limit": 5}', "--input-file", "b?.csv", "--input-file", "a.jsonl"
    )
    assert lines(ran.out) == [True, True, False]
    ran = ekiben("run", "many:Many", "words", "--input-file", "a.jsonl", "--input-file", "./a.jsonl")
    assert (ran.code, "names a file twice" in ran.err) == (1, True)
    ran = ekiben("run", "many:Many", "words", "--input-file", "c*.csv")
    assert (ran.code, "matches no file" in ran.err) == (1, True)
    ran = ekiben("run", "many:Many", "--input-file", "b1.csv", "b2.csv")  # what a shell makes of b?.csv
    assert (ran.code, "write a pattern in quotes" in ran.err) == (2, True)


def test_images(place: Path, ekiben: Command) -> None:
    """Each image is one value, in the order of their names; a damaged one fails alone."""
    for index in range(3):
        Image.new("RGB", (index + 1, 5)).save(f"p{index}.png")
    Path("p1.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    ran = ekiben("run", "many:Many", "picture", "--input-file", "p*.png")
    assert (ran.code, lines(ran.out)) == (1, [[1, 5], None, [3, 5]])
    assert "p1.png: image: " in ran.err
    ran = ekiben("run", "many:Many", "add", "--input-file", "p0.png")
    assert (ran.code, "must end in one of .csv" in ran.err) == (1, True)


def test_files_are_not_the_users(place: Path, ekiben: Command) -> None:
    """A method that takes a Path gets a copy: what it does to that, it does not do to the file."""
    Path("words.txt").write_text("hello")
    ran = ekiben("run", "many:Many", "file", "--input-file", "words.txt")
    assert (ran.code, lines(ran.out)) == (0, ["hello"])
    assert Path("words.txt").read_text() == "hello"


def test_text_and_async(place: Path, ekiben: Command) -> None:
    """Texts are batched as lists; `async def` methods run side by side and answer in order."""
    Path("rows.csv").write_text("text\nab\n123\n")
    assert lines(ekiben("run", "many:Many", "words", "--input-file", "rows.csv").out) == [2, 3]
    assert lines(ekiben("run", "many:Many", "later", "--input-file", "rows.csv").out) == ["ba", "321"]


def test_what_cannot_be_run(place: Path, ekiben: Command) -> None:
    """Streams are refused; an answer with another number of results fails its rows, with the reason."""
    Path("rows.csv").write_text("x,y\n1,2\n3,4\n")
    ran = ekiben("run", "many:Many", "stream", "--input-file", "rows.csv")
    assert (ran.code, "piece by piece" in ran.err) == (1, True)
    ran = ekiben("run", "many:Many", "short", "--input-file", "rows.csv")
    assert (ran.code, lines(ran.out)) == (1, [None, None])
    assert "2 rows must be answered by as many results, not by 1" in ran.err


ROWS = ("--input-file", "rows.csv")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([], "nothing to run over", id="there must be an input"),
        pytest.param(["--input", "1", "--batch-size", "2"], "is for the rows of files", id="one call has no batches"),
        pytest.param(["--input", "{"], "`--input` must be JSON (", id="cut JSON"),
        pytest.param(["--input", "hello"], "hint: write text in quotes of its own: '\"text\"'", id="text is quoted"),
        pytest.param(["--input", "[" * 100_000], "`--input` must be JSON (", id="JSON that is nested without end"),
        pytest.param(["--input-file", "no.csv"], "a file that is there", id="a missing file is named"),
        pytest.param(["--input-file", "."], "must name a plain file", id="a folder is no file"),
        pytest.param(["--input-file", "many.py"], "must end in one of .csv, .tsv", id="known kinds are told"),
        pytest.param(["--input-file", "pipe.csv"], "must name a plain file", id="a pipe would wait for ever"),
        pytest.param([*ROWS, "-o", "out.xlsx"], "must end in one of .csv, .json", id="known outputs are told"),
        pytest.param([*ROWS, "-o", "no/out.csv"], "mkdir -p", id="no folder is made unasked"),
        pytest.param([*ROWS, "-o", "rows.csv"], "must not be one of the files", id="no input is lost"),
        pytest.param([*ROWS, "--columns", "a,c"], "has no column `c`", id="a wrong column is named"),
        pytest.param([*ROWS, "--errors", "e.csv"], "must end in .jsonl", id="failures are JSON lines"),
        pytest.param([*ROWS, "--input", "[1]"], "must be an object", id="fixed arguments have names"),
    ],
)
def test_refused(place: Path, ekiben: Command, words: list[str], said: str) -> None:
    """What cannot be meant is refused before anything runs, and leaves nothing."""
    Path("rows.csv").write_text("a,b\n1,2\n")
    os.mkfifo("pipe.csv")
    before = sorted(place.iterdir())
    ran = ekiben("run", "many:Many", "total", *words)
    assert ran.code in (1, 2)
    assert said in ran.err
    assert ran.out == ""
    assert [path for path in sorted(place.iterdir()) if path.name != "__pycache__"] == before


def test_a_stored_model(place: Path, ekiben: Command) -> None:
    """A stored model is run without any code, by its tag."""
    import sklearn.linear_model

    model = sklearn.linear_model.LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0])
    product.sklearn.save_model("line", model, sample=np.array([[0.5]]))
    Path("rows.csv").write_text("id,x\na,1\nb,2\nc,\n")
    ran = ekiben("run", "line:latest", "predict", "--input-file", "rows.csv")
    assert ran.code == 1
    assert [round(each, 6) for each in lines(ran.out)[:2]] == [2.0, 4.0]
    assert "not used: id" in ran.err
    assert "row 3: the model does not take this value" in ran.err


def test_a_linked_output_is_replaced(place: Path, ekiben: Command) -> None:
    """A link in the place of the output is replaced; what it leads to is left alone."""
    Path("rows.csv").write_text("a,b\n1,2\n")
    Path("precious.txt").write_text("precious")
    Path("out.csv").symlink_to("precious.txt")
    assert ekiben("run", "many:Many", "total", "--input-file", "rows.csv", "-o", "out.csv").code == 0
    assert Path("precious.txt").read_text() == "precious"
    assert not Path("out.csv").is_symlink()


def test_ctrl_c_keeps_what_is_there(place: Path) -> None:
    """Ctrl-C leaves whole lines under NAME.part, says so, leaves an earlier output alone, and ends with 130."""
    Path("rows.csv").write_text("a\n" + "".join(f"{n}\n" for n in range(2000)))
    Path("out.jsonl").write_text("earlier\n")
    words = ["run", "many:Many", "slow", "--input-file", "rows.csv", "-o", "out.jsonl", "--batch-size", "4"]
    process = subprocess.Popen([sys.executable, "-m", "ekiben", *words], stderr=subprocess.PIPE, text=True)
    try:
        while not any(path.stat().st_size for path in place.glob(".out.jsonl.*")):
            assert process.poll() is None
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert "what was written so far is in out.jsonl.part" in said
    found = lines(Path("out.jsonl.part").read_text())
    assert found == list(range(len(found)))
    assert Path("out.jsonl").read_text() == "earlier\n"
    assert list(place.glob(".out.jsonl.*")) == []
