"""Tables, sizes and times look as they should; what scripts read is data."""

import datetime
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ekiben import models
from ekiben.cli.output import echo_data, local_time, progress, size, table, waiting


@pytest.mark.parametrize(
    ("count", "words"),
    [
        pytest.param(0, "0 B", id="nothing"),
        pytest.param(1023, "1023 B", id="bytes are whole"),
        pytest.param(1024, "1.00 KiB", id="units are of 1024"),
        pytest.param(9_888_072, "9.43 MiB", id="two decimals"),
        pytest.param(3 * 1024**4, "3.00 TiB", id="the largest unit"),
        pytest.param(5000 * 1024**4, "5000.00 TiB", id="beyond it"),
    ],
)
def test_size(count: int, words: str) -> None:
    """A size has two decimals and a unit."""
    assert size(count) == words


def test_table() -> None:
    """A table has a header, a margin of one space and gaps of two; no cell is cut and no line ends with spaces."""
    long = "n" * 63 + ":" + "v" * 63
    assert table(("Tag", "Size"), [("a:1", "1 B"), (long, "")]) == [
        f" {'Tag':127}  Size",
        f" {'a:1':127}  1 B",
        f" {long}",
    ]


def test_empty_table() -> None:
    """Nothing to list leaves the header."""
    assert table(("Tag", "Module"), []) == [" Tag  Module"]


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_data_reads_back(form: str, read, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and YAML hold the same data, times as ISO 8601 text, letters of all languages as they are."""
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    echo_data({"when": moment, "who": "Zoë", "n": [1, None]}, form)
    out = capsys.readouterr().out
    assert read(out) == {"when": "2026-01-02T03:04:05+00:00", "who": "Zoë", "n": [1, None]}
    assert "Zoë" in out


def test_times_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time is shown in the zone of this machine, to the second."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert local_time(datetime.datetime(2026, 1, 1, 20, tzinfo=datetime.UTC)) == "2026-01-02 05:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal there is no bar, and nothing to call."""
    with progress("moving") as note:
        assert note is None
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
def test_a_bar_on_a_terminal(home: Path) -> None:
    """On a terminal long work shows a bar on stderr, and stdout holds the answer alone."""
    with models.create("big:v1") as model:
        (model.path / "file.bin").write_bytes(b"x" * 4_000_000)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "ekiben", "models", "export", "big", str(home / "x.tar")]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=60, check=True, env=env)
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "exporting big:v1" in seen
    assert done.stdout == f"exported big:v1 to {home / 'x.tar'}\n"


def test_no_waiting_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stderr is no terminal there are the lines alone."""
    said: list[str] = []
    with waiting("loading", said.append) as tell:
        tell("one")
        tell("two")
    assert said == ["one", "two"]
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("option", "shown"), [([], True), (["-q"], False)], ids=["said", "quiet"])
def test_waiting_on_a_terminal(option: list[str], shown: bool, tmp_path: Path) -> None:
    """On a terminal a build shows what it does before its first line, and takes that away; stdout is the tag."""
    (tmp_path / "service.py").write_text("import ekiben\n@ekiben.service\nclass A:\n    pass\n")
    (tmp_path / "bentofile.yaml").write_text("python: {lock_packages: false}\n")
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "ekiben", "build", str(tmp_path), "--version", "v1", "-o", "tag", *option]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=100, check=True)
    os.set_blocking(ours, False)
    os.close(theirs)
    try:
        seen = os.read(ours, 100_000).decode()
    except OSError:
        seen = ""
    os.close(ours)
    assert done.stdout == "a:v1\n"
    assert ("loading the service …\r\x1b[2K" in seen, seen.endswith("\r\x1b[2K")) == (shown, shown)
