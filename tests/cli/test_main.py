"""The program as a whole: help, versions, mistyped words, exit codes, other names."""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ekiben.cli.front import Entry, FrontEnd
from ekiben.cli.main import COMMANDS, build
from tests.cli.conftest import Command

OTHER = FrontEnd(
    program="lunch",
    module="lunchbox",
    distribution="click",
    summary="Pack lunch.",
    home_variable="LUNCH_HOME",
    home_folder="~/lunch",
    host="0.0.0.0",
    commands={"eat": COMMANDS["env"], "hidden": Entry("nowhere:at_all", "Never shown.", hidden=True)},
)


def test_no_words_show_the_path(ekiben: Command) -> None:
    """`ekiben` alone shows the way from save to serve."""
    ran = ekiben()
    assert ran.code == 0
    assert "ekiben.sklearn.save_model" in ran.out
    assert "ekiben serve iris:latest" in ran.out


def test_version(ekiben: Command) -> None:
    """`--version` says name and version on one line."""
    assert ekiben("--version").out == f"ekiben {metadata.version('ekiben')}\n"


@pytest.mark.parametrize("words", [[], ["models"]], ids=" ".join)
def test_help_imports_no_command(words: list[str]) -> None:
    """Help loads neither a heavy library nor the commands that it lists."""
    script = f"""
import json, sys
from ekiben.cli.main import run
code = run(args={[*words, "--help"]!r})
print(json.dumps([code, *sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    code, *modules = json.loads(done.stdout.splitlines()[-1])
    heavy = {"numpy", "pydantic", "uvicorn", "rich", "httpx", "yaml", "starlette", "orjson", "ekiben.cli.serve"}
    assert code == 0
    assert heavy & set(modules) == set()


def test_interrupted_while_it_is_imported() -> None:
    """Ctrl-C in the first moment ends the program with 130 and without a word."""
    script = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from ekiben.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(ekiben: Command, name: str) -> None:
    """Each command explains itself; one that does something shows examples."""
    ran = ekiben(name, "--help")
    assert ran.code == 0
    assert "Commands:" in ran.out or f"  ekiben {name}" in ran.out


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        pytest.param(["srve"], "has no command `srve`", "did you mean `ekiben serve`?", id="a command"),
        pytest.param(["models", "lst"], "no command `lst`", "did you mean `ekiben models list`?", id="one of a group"),
        pytest.param(["serve", "--prot", "1"], "has no option `--prot`", "did you mean `--port`?", id="an option"),
        pytest.param(["--hlp"], "has no option `--hlp`", "did you mean `--help`?", id="an option of the program"),
        pytest.param(
            ["serve", "-q", "--depends", "x"],
            "for --depends: must be NAME=URL: 'x'",
            "`ekiben serve --help`",
            id="a pair",
        ),
        pytest.param(["serve", "--port", "x"], "'x' is not a valid integer", "`ekiben serve --help`", id="a value"),
        pytest.param(["models", "get"], "missing argument 'TAG'", "`ekiben models get --help`", id="a missing word"),
        pytest.param(["zzz"], "has no command `zzz`", "`ekiben --help`", id="nothing like it"),
    ],
)
def test_wrong_usage(ekiben: Command, words: list[str], error: str, hint: str) -> None:
    """Wrong usage is code 2, said as error and hint on stderr, with the nearest name where there is one."""
    ran = ekiben(*words)
    assert (ran.code, ran.out) == (2, "")
    first, empty, last = ran.err.splitlines()
    assert first.startswith("error: ")
    assert first.endswith(error)
    assert empty == ""
    assert last.startswith("hint: ")
    assert hint in last


def test_a_group_alone_shows_its_commands(ekiben: Command) -> None:
    """`ekiben models` shows what could follow, and is wrong usage."""
    ran = ekiben("models")
    assert (ran.code, ran.out) == (2, "")
    assert "list" in ran.err


def test_failure_is_told_without_traceback(ekiben: Command) -> None:
    """A thing that is not there is code 1, an error and a hint."""
    ran = ekiben("models", "get", "nothing:here")
    assert ran.code == 1
    assert ran.err.startswith("error: there is no model 'nothing:here'")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("words", [["--home", "{}", "env"], ["env", "--home", "{}"]], ids=["before", "behind"])
def test_home_stands_anywhere(ekiben: Command, tmp_path: Path, words: list[str]) -> None:
    """`--home` may stand before the command as well as behind it, and ends with the command."""
    before = dict(os.environ)
    ran = ekiben(*(word.format(tmp_path / "here") for word in words), "-o", "json")
    assert json.loads(ran.out)["home"] == str(tmp_path / "here")
    assert dict(os.environ) == before


def test_another_program(ekiben: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A front end changes name, version, host, home and variables, and adds commands; hidden ones are not listed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ekiben("--version", front=OTHER).out == f"lunch {metadata.version('click')}\n"
    assert "lunch.sklearn.save_model" in ekiben(front=OTHER).out
    listed = ekiben("--help", front=OTHER).out
    assert "eat" in listed
    assert "hidden" not in listed
    helped = ekiben("serve", "--help", front=OTHER).out
    assert "lunch serve iris:latest" in helped
    assert "0.0.0.0" in helped
    assert "LUNCH_PORT, PORT" in helped
    assert json.loads(ekiben("eat", "-o", "json", front=OTHER).out)["home"] == str(tmp_path / "lunch")
    monkeypatch.setenv("LUNCH_HOME", str(tmp_path / "mine"))
    assert json.loads(ekiben("eat", "-o", "json", front=OTHER).out)["home"] == str(tmp_path / "mine")


IDLE = FrontEnd(idle={"env": {"--fast": "it is fast"}})


def test_a_flag_that_changes_nothing(ekiben: Command) -> None:
    """A flag of the original is taken, explained in the log and in the help, and known to this front end alone."""
    ran = ekiben("env", "-o", "json", "--fast", "--verbose", front=IDLE)
    assert (ran.code, json.loads(ran.out)["home"]) == (0, os.environ["EKIBEN_HOME"])
    assert ran.err.rstrip().endswith("INFO --fast changes nothing: it is fast")
    assert "Changes nothing: it is fast." in ekiben("env", "--help", front=IDLE).out
    assert ekiben("env", "--fast=yes", front=IDLE).code == 2
    assert ekiben("env", "--fast").code == 2


def test_such_a_flag_goes_no_further() -> None:
    """The processes that a command starts by its own words do not get the flag."""
    program = build(IDLE)
    session = program.context_settings["obj"]
    session.words = ["env", "--fast", "-o", "json"]
    program.main(list(session.words), standalone_mode=False)
    assert session.words == ["env", "-o", "json"]


def test_closed_pipe_is_quiet() -> None:
    """A reader that leaves the pipe ends the command without a word."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "ekiben", "--help"], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
