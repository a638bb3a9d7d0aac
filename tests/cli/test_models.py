"""The commands of the model store do what they say, and nothing unasked."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ekiben import models
from ekiben.core.errors import AlreadyExists, NotFound
from tests.cli.conftest import Command


def save(name: str, *, size: int = 10, labels: dict[str, str] | None = None) -> str:
    """Store a model of one file; give its tag."""
    with models.create(name, labels=labels or {}, module="ekiben.sklearn") as model:
        (model.path / "file.bin").write_bytes(b"x" * size)
    return str(model.tag)


def test_list_is_a_table(ekiben: Command) -> None:
    """The table: a header, one-space margin, two-space gaps, sizes with units, local times, the newest first."""
    older, newer = save("iris"), save("celestial_bodies_classifier_model", size=9_888_072)
    header, *rows = ekiben("models", "list").out.splitlines()
    assert re.fullmatch(r" Tag {30,}Module          Size      Creation Time", header)
    cell = r" {tag} *  ekiben\.sklearn  {size} *  \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(cell.format(tag=newer, size=r"9\.43 MiB"), rows[0])
    assert re.fullmatch(cell.format(tag=older, size=r"(\d+ B|\d\.\d\d KiB)"), rows[1])
    assert [row.index("ekiben.sklearn") for row in rows] == [header.index("Module")] * 2


def test_a_pipe_cuts_no_tag(home: Path) -> None:
    """In a narrow pipe the longest tag stands whole on its line."""
    tag = save(f"{'n' * 63}:{'v' * 63}")
    command = [sys.executable, "-m", "ekiben", "--home", str(home), "models", "list"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env={"COLUMNS": "20"})
    assert tag in done.stdout.splitlines()[1]


def test_list_for_scripts(ekiben: Command) -> None:
    """JSON and YAML hold the same rows, with sizes in bytes; labels choose."""
    tag = save("iris", labels={"team": "vision"})
    save("iris", labels={"team": "text"})
    rows = json.loads(ekiben("models", "list", "iris", "-l", "team=vision", "-o", "json").out)
    assert rows == yaml.safe_load(ekiben("models", "list", "-l", "team=vision", "-o", "yaml").out)
    assert [row["tag"] for row in rows] == [tag]
    assert rows[0]["labels"] == {"team": "vision"}
    assert rows[0]["size_bytes"] == models.get(tag).size


def test_an_empty_store_says_so(ekiben: Command, home: Path) -> None:
    """Without models there is a header on stdout and a sentence on stderr."""
    ran = ekiben("models", "list")
    assert (ran.code, ran.out) == (0, " Tag  Module  Size  Creation Time\n")
    assert str(home) in ran.err


def test_a_label_is_a_pair(ekiben: Command) -> None:
    """A label without a value is wrong usage."""
    ran = ekiben("models", "list", "-l", "team")
    assert ran.code == 2
    assert "must be KEY=VALUE: 'team'" in ran.err


def test_get(ekiben: Command) -> None:
    """A model is shown as its description, as a row, or as the path of its folder."""
    tag = save("iris", labels={"team": "vision"})
    shown = yaml.safe_load(ekiben("models", "get", "iris").out)
    assert (shown["name"], shown["labels"]) == ("iris", {"team": "vision"})
    assert shown == json.loads(ekiben("models", "get", "iris:latest", "-o", "json").out)
    assert ekiben("models", "get", tag, "-o", "path").out == f"{models.get(tag).path}\n"
    assert tag in ekiben("models", "get", tag, "-o", "table").out


def test_delete_asks(ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a yes nothing is deleted, whether somebody says no or nobody can."""
    tag = save("iris")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ran = ekiben("models", "delete", tag)
    assert ran.code == 1
    assert tag in ran.out
    assert "--yes" in ran.err
    assert models.get(tag)


@pytest.mark.parametrize(("answer", "code", "left"), [("n\n", 1, 1), ("y\n", 0, 0)])
def test_the_answer_counts(home: Path, answer: str, code: int, left: int) -> None:
    """A typed yes deletes, a typed no does not."""
    tag = save("iris")
    command = [sys.executable, "-m", "ekiben", "models", "delete", tag]
    done = subprocess.run(command, input=answer, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(models.list())) == (code, left)


def test_delete_yes(ekiben: Command) -> None:
    """`-y` deletes without asking; several tags, `latest` among them, and commas are understood."""
    save("iris:v1"), save("iris:v2"), save("flowers:v1"), save("trees:v1")
    ran = ekiben("models", "delete", "iris:latest", "flowers:v1,trees:v1", "-y")
    assert ran.out.splitlines() == ["deleted iris:v2", "deleted flowers:v1", "deleted trees:v1"]
    assert [str(model.tag) for model in models.list()] == ["iris:v1"]


def test_a_bare_name_needs_all(ekiben: Command) -> None:
    """A bare name deletes nothing, not even what stands before it, until `--all` says every version."""
    save("iris:v1"), save("iris:v2"), save("flowers:v1")
    ran = ekiben("models", "delete", "flowers:v1", "iris", "-y")
    assert ran.code == 1
    assert "--all" in ran.err
    assert len(models.list()) == 3
    assert ekiben("models", "delete", "iris", "--all", "-y").code == 0
    assert [str(model.tag) for model in models.list()] == ["flowers:v1"]


def test_carry(ekiben: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one store exports another imports under the same tag; twice is an error unless it is said not to be."""
    tag = save("iris")
    monkeypatch.chdir(tmp_path)
    assert ekiben("models", "export", "iris", "out/iris.tar.gz").code == 0
    assert (tmp_path / "out/iris.tar.gz").is_file()
    told = json.loads(ekiben("models", "export", tag, ".", "-f", "zip", "-o", "json").out)
    assert (tmp_path / told["path"]).name == f"{tag.replace(':', '-')}.zip"
    other = ["--home", str(tmp_path / "other")]
    assert ekiben("models", "import", "out/iris.tar.gz", *other).out == f"imported {tag}\n"
    again = ekiben("models", "import", "out/iris.tar.gz", *other)
    assert again.code == 1
    assert "exists already" in again.err
    assert ekiben("models", "import", "out/iris.tar.gz", "--skip-existing", *other).code == 0
    assert tag in ekiben("models", "list", *other).out


def test_import_of_something_else(ekiben: Command, tmp_path: Path) -> None:
    """What is no archive is refused in words, and what unpacks to too much."""
    (tmp_path / "x.bentomodel").write_bytes(b"nothing of the kind")
    ran = ekiben("models", "import", str(tmp_path / "x.bentomodel"))
    assert ran.code == 1
    assert ran.err.startswith("error: ")
    save("big:v1", size=3 * 1024 * 1024)
    path = str(tmp_path / "big.tar")
    ekiben("models", "export", "big", path)
    ran = ekiben("models", "import", path, "--max-size-mib", "1", "--home", str(tmp_path / "other"))
    assert ran.code == 1
    with pytest.raises(NotFound), models.use_home(tmp_path / "other"):
        models.get("big")


def test_verify(ekiben: Command) -> None:
    """Every model is held against its digests; one changed byte is found, named, and is code 1."""
    good, bad = save("good:v1"), save("bad:v1")
    assert ekiben("models", "verify").code == 0
    (models.get(bad).path / "file.bin").write_bytes(b"y" * 10)
    ran = ekiben("models", "verify", "-o", "json")
    assert ran.code == 1
    assert "1 of 2 models are damaged" in ran.err
    told = {row["tag"]: row for row in json.loads(ran.out)}
    assert (told[good]["state"], told[bad]["state"]) == ("ok", "damaged")
    assert "file.bin" in told[bad]["problems"][0]
    assert "file.bin" in ekiben("models", "verify", "bad").out
    assert ekiben("models", "verify", "good:v1").code == 0


def test_a_version_that_is_not_there(ekiben: Command) -> None:
    """Wherever a model is named, an unknown version of a known name is told with the newest that there are."""
    for number in range(6):
        save(f"iris:{number}{number}")
    told = "error: {}the model 'iris' has no version 'nope' in {}\n\nhint: newest first, there is iris:55, iris:44,"
    for words in (["models", "get"], ["models", "delete", "-y"], ["models", "export"], ["models", "list"]):
        ran = ekiben(*words, "iris:nope")
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith(told.format("", models.get("iris").path.parents[1])), ran.err
        assert ran.err.endswith("iris:11 and 1 more\n")
    for words in (["serve", "--port", "0"], ["run", "--input", "1"]):
        ran = ekiben(words[0], "iris:nope", *words[1:])
        assert ran.code == 1
        assert "there is no module `iris` in " in ran.err
        assert "and the model 'iris' has no version 'nope' in " in ran.err
        assert ran.err.endswith("hint: newest first, there is iris:55, iris:44, iris:33, iris:22, iris:11 and 1 more\n")


def test_hints_are_words_of_a_command_line(ekiben: Command, tmp_path: Path) -> None:
    """What is advised to who typed a command can be typed."""
    tag = save("iris")
    ekiben("models", "export", tag, str(tmp_path / "a.bentomodel"))
    again = ekiben("models", "import", str(tmp_path / "a.bentomodel"))
    assert again.code == 1
    assert again.err.endswith("with the same content\n\nhint: add `--skip-existing` where that is no error\n")
    bare = ekiben("models", "delete", "iris", "-y")
    assert bare.err.endswith("hint: write 'iris:latest' for the newest, or add `--all` for all\n")
    with pytest.raises(AlreadyExists) as caught:
        models.import_model(tmp_path / "a.bentomodel")
    assert caught.value.hint == "say `skip_existing=True` where that is no error"
