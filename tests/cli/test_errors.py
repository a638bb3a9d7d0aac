"""Whatever ends a command becomes words on stderr and an exit code."""

import io
from contextlib import redirect_stderr

import click
import pytest

from ekiben.cli.errors import report, sentence
from ekiben.cli.front import Entry, FrontEnd
from ekiben.core.errors import ConfigError
from tests.cli.conftest import Command


def said(error: BaseException) -> str:
    """Give what an error makes the command line say."""
    with redirect_stderr(io.StringIO()) as told:
        assert report(error, program="ekiben", verbose=False) == 1
    return told.getvalue()


FRONT = FrontEnd(commands={"end": Entry("tests.cli.odd:end", "End oddly.")})


@pytest.mark.parametrize(
    ("how", "code", "err"),
    [
        pytest.param("well", 0, "", id="well"),
        pytest.param("interrupt", 130, "", id="Ctrl-C is quiet"),
        pytest.param(
            "refuse", 1, "error: `x` must be 1: 2\n\nhint: write `x: 1`\n", id="an error of ours, in our form"
        ),
    ],
)
def test_ends(ekiben: Command, how: str, code: int, err: str) -> None:
    """Each end has its code, and says no more than it has to."""
    ran = ekiben("end", how, front=FRONT)
    assert (ran.code, ran.err) == (code, err)


def test_a_bug_is_one_line(ekiben: Command) -> None:
    """What nobody foresaw is told in a line, with a way to see more; `--verbose` shows the traceback."""
    ran = ekiben("end", "bug", front=FRONT)
    assert ran.code == 1
    assert ran.err.startswith("error: ZeroDivisionError: a bug of ours\n")
    assert "hint: `ekiben --verbose" in ran.err
    assert "Traceback" not in ran.err
    told = ekiben("end", "bug", "--verbose", front=FRONT)
    assert told.code == 1
    assert "Traceback" in told.err
    assert "tests/cli/odd.py" in told.err


def test_nobody_to_ask(ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that nobody can answer is a no, and says how not to be asked."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    ran = ekiben("end", "confirm", front=FRONT)
    assert ran.code == 1
    assert "error: nothing was confirmed\n\nhint: add `--yes`" in ran.err


def test_words_without_colour(ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, and an output that is no terminal, keep the words plain."""
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in ekiben("end", "refuse", front=FRONT).err


def test_a_sentence() -> None:
    """An error is told in one line, with the last place of the user's code by the name of its file, and no more."""
    code = compile("x = 1\nx / 0\n", "/secret/place/model.py", "exec")
    with pytest.raises(ZeroDivisionError) as bug:
        exec(code, {})
    assert sentence(bug.value) == "ZeroDivisionError: division by zero (model.py, line 2)"
    assert sentence(ConfigError("`x` must be 1:\n  2")) == "`x` must be 1: 2"
    assert sentence(click.UsageError("no such thing")) == "no such thing"
    assert len(sentence(ConfigError("y" * 9000))) < 600


@pytest.mark.parametrize("words", [["serve"], ["serve", "--working-dir"], ["build"], ["--home"]], ids=" ".join)
def test_what_the_disk_refuses(ekiben: Command, words: list[str]) -> None:
    """A path that no disk can have is told in a short line, without the name of a class or a traceback."""
    ran = ekiben(*words, "x" * 5000, *(["list"] if words == ["--home"] else []))
    assert ran.code == 1
    last = ran.err.partition("error: ")[2]
    assert "File name too long" in last
    assert "OSError" not in ran.err
    assert "Traceback" not in ran.err


def test_a_path_is_cut() -> None:
    """Of a path without end the beginning is shown."""
    error = OSError(36, "File name too long", "x" * 5000)
    assert len(said(error)) < 400
    assert said(PermissionError(13, "Permission denied", "/closed/a")).startswith(
        "error: cannot use '/closed/a': Permission denied\n\nhint: `ekiben --verbose …`"
    )
    assert said(FileNotFoundError(None, None, "/gone/a")).startswith("error: cannot use '/gone/a': FileNotFoundError")
