"""A front end's own words: other names, options that change nothing, that are refused, that an engine is told."""

import json
import os
import sys
from importlib.metadata import DistributionFinder, PathDistribution
from pathlib import Path

import click
import pytest

from ekiben.cli.fitting import without
from ekiben.cli.front import Entry, FrontEnd
from ekiben.cli.main import build
from ekiben.cli.session import Session
from tests.cli.conftest import Command

LUNCH = FrontEnd(
    program="lunch",
    home_variable="LUNCH_HOME",
    versioned=("-v", "--version"),
    aliases={"environment": "env", "models ls": "models list"},
    commands={"fly": Entry("", "Not here.", hidden=True, refused="there is no plane here")},
    idle={"": {"--politely": "it is polite"}, "env": {"-t/--threads=": "one thread does"}},
    refused={"": {"--sky=": "there is no sky"}, "env": {"--output toml": "nobody reads it"}},
    spelled={"env": {"--output": ("--form",)}, "serve": {"--workers": ("--cooks", "LUNCH_COOKS")}},
    passed={"env": ("--spice=", "--hot")},
)


def test_another_name_of_a_command(ekiben: Command) -> None:
    """An alias runs the command with its defaults, also within a group, and is not listed."""
    assert json.loads(ekiben("environment", "-o", "json", front=LUNCH).out)["python"]
    assert ekiben("models", "ls", front=LUNCH).code == 0
    assert "environment" not in ekiben("--help", front=LUNCH).out
    assert ekiben("environment").code == 2


def test_another_name_of_an_option(ekiben: Command) -> None:
    """An option answers to the front's name for it beside our own, and to no other front's."""
    for option in ("--form", "--output", "-o"):
        assert json.loads(ekiben("env", option, "json", front=LUNCH).out)["python"]
    assert "--form" in ekiben("env", "--help", front=LUNCH).out
    assert ekiben("env", "--form", "json").code == 2


def test_another_name_of_a_variable(ekiben: Command) -> None:
    """A variable of the front's is named in the help, behind our own."""
    helped = " ".join(ekiben("serve", "--help", front=LUNCH).out.split())
    assert "[env: LUNCH_WORKERS, LUNCH_COOKS]" in helped
    assert "--cooks, --workers" in helped
    assert "LUNCH_COOKS" not in ekiben("serve", "--help").out


def test_an_option_with_a_value_that_changes_nothing(ekiben: Command) -> None:
    """Such an option is taken with its value, however it is written, and explained once in the log."""
    for words in (["-t", "3"], ["--threads", "3"], ["--threads=3"], ["-t3"]):
        ran = ekiben("env", *words, "-o", "json", "--verbose", front=LUNCH)
        assert ran.code == 0, ran.err
        assert ran.err.count("--threads changes nothing: one thread does") == 1


@pytest.mark.parametrize("words", [["--politely", "env"], ["env", "--politely"], ["models", "list", "--politely"]])
def test_an_option_of_every_command(ekiben: Command, words: list[str]) -> None:
    """What stands under empty text is known to the program and to each of its commands."""
    ran = ekiben("--verbose", *words, front=LUNCH)
    assert ran.code == 0, ran.err
    assert "--politely changes nothing" in ran.err


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["fly", "away", "--fast", "-x", "3"], "`lunch fly` is not supported: there is no", id="a command"),
        pytest.param(["fly", "--help"], "there is no plane here", id="its help"),
        pytest.param(["--sky", "blue", "env"], "`--sky` is not supported: there is no sky", id="an option before"),
        pytest.param(["models", "list", "--sky=blue"], "there is no sky", id="an option behind"),
        pytest.param(["env", "--output", "toml"], "`--output toml` is not supported: nobody reads it", id="a value"),
        pytest.param(["env", "--output=toml"], "nobody reads it", id="a value behind `=`"),
    ],
)  # fmt: skip
def test_what_is_refused(ekiben: Command, words: list[str], why: str) -> None:
    """A command, an option or a value of the original is refused in one line with the reason, and code 2."""
    ran = ekiben(*words, front=LUNCH)
    error, empty, hint = ran.err.splitlines()
    assert (ran.code, ran.out, empty) == (2, "", "")
    assert why in error
    assert hint.startswith("hint: ")


def test_a_refused_command_is_found_near(ekiben: Command) -> None:
    """What is refused is not proposed for a slip, and is not listed."""
    assert "fly" not in ekiben("--help", front=LUNCH).out
    assert "fly" not in ekiben("flyy", front=LUNCH).err.replace("flyy", "")


def test_what_an_engine_is_told() -> None:
    """Options for the engine are noted as they are, in their order of the table, and reach nobody else."""
    program = build(LUNCH)
    session: Session = program.context_settings["obj"]
    program.main(["env", "--spice", "a=b c", "--hot", "--spice", "d", "-o", "json"], standalone_mode=False)
    assert session.passed == ["spice=a=b c", "spice=d", "hot"]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        pytest.param(["serve", "-t", "3", "a"], ["serve", "a"], id="a name and its value"),
        pytest.param(["serve", "--threads=3", "a"], ["serve", "a"], id="both in one word"),
        pytest.param(["serve", "a", "-t"], ["serve", "a"], id="a name at the end"),
        pytest.param(["--threadsome", "3"], ["--threadsome", "3"], id="a longer name is another"),
    ],
)
def test_without(words: list[str], left: list[str]) -> None:
    """An option that goes takes its value with it, and nothing else."""
    assert list(without(words, ["-t", "--threads"], is_valued=True)) == left


@pytest.mark.parametrize(
    ("variables", "level"),
    [
        pytest.param({"LUNCH_QUIET": "1"}, "error", id="quiet"),
        pytest.param({"LUNCH_DEBUG": "true"}, "debug", id="debug"),
        pytest.param({"LUNCH_VERBOSITY": "-1"}, "error", id="below 0"),
        pytest.param({"LUNCH_VERBOSITY": "1"}, "debug", id="above 0"),
        pytest.param({"LUNCH_VERBOSITY": "0", "LUNCH_DEBUG": "no", "LUNCH_QUIET": ""}, None, id="neither"),
        pytest.param({"EKIBEN_QUIET": "1"}, None, id="of another front"),
    ],
)
def test_variables_say_how_much(variables: dict[str, str], level: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the front say how much is said; an option on the command line stands over them."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    session = Session(LUNCH)
    with session.applied("info"):
        assert session.level == level
    typed = Session(LUNCH, verbose=True)
    with typed.applied("info"):
        assert typed.level == "debug"


@pytest.mark.parametrize(("name", "text"), [("LUNCH_QUIET", "maybe"), ("LUNCH_VERBOSITY", "loud")])
def test_a_wrong_variable_is_told(ekiben: Command, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no value of its option is an error that names it."""
    monkeypatch.setenv(name, text)
    ran = ekiben("env", front=LUNCH)
    assert ran.code == 1
    assert name in ran.err
    assert repr(text) in ran.err


class Added(DistributionFinder):
    """Finds one distribution, which lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_distributions(
        self, context: DistributionFinder.Context = DistributionFinder.Context()
    ) -> list[PathDistribution]:
        """Give it."""
        return [PathDistribution(self.folder)]

    def find_spec(self, *_: object) -> None:
        """Find no module."""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that adds the commands `wash` and `env`, and one that cannot be imported."""
    (tmp_path / "dishes.py").write_text(
        "import click\n\n@click.command()\n@click.argument('what')\ndef wash(what):\n    click.echo(f'washed {what}')\n"
    )
    folder = tmp_path / "dishes-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: dishes\nVersion: 1\n")
    (folder / "entry_points.txt").write_text(
        "[ekiben.commands]\nwash = dishes:wash\nenv = dishes:wash\nbroken = dishes_that_are_not_there:x\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Added(folder)])


@pytest.mark.usefixtures("plugin")
def test_a_command_of_another_distribution(ekiben: Command) -> None:
    """An entry point adds a command, which is listed, proposed for a slip, and takes no name of ours."""
    assert ekiben("wash", "plates").out == "washed plates\n"
    assert "Added by dishes." in ekiben("--help").out
    assert "did you mean `ekiben wash`?" in ekiben("wahs").err
    assert json.loads(ekiben("env", "-o", "json").out)["python"]
    broken = ekiben("broken")
    assert broken.code == 1
    assert "Traceback" not in broken.err
    assert ekiben("wash", "plates", front=FrontEnd(group="other.commands")).code == 2


def test_completion_meets_no_refusal() -> None:
    """While a shell completes, nothing is refused and nothing is noted."""
    program = build(LUNCH)
    ctx = program.make_context("lunch", ["--sky", "x", "fly"], resilient_parsing=True)
    assert isinstance(ctx, click.Context)
    command = program.get_command(ctx, "fly")
    assert command is not None
    assert command.parse_args(click.Context(command, resilient_parsing=True), ["away"]) == ["away"]


def test_a_version_by_another_name(ekiben: Command) -> None:
    """The front says by which options its version is asked for."""
    assert ekiben("-v", front=LUNCH).out.startswith("lunch ")
    assert ekiben("-v").code == 2
    assert os.environ.get("LUNCH_HOME") is None
