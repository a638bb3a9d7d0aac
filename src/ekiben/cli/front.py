"""Say what a program is called, and where it differs from `ekiben`.

In: nothing but literals. Out: a `FrontEnd`, from which `cli/main` makes the whole program: the `Front` that all wings
know, and what only a command line has. A distribution that offers the same commands under another name makes its own:

    FRONT = FrontEnd(program="bento", module="bento", home_variable="BENTO_HOME", home_folder="~/bento")

    def main() -> None:
        sys.exit(run(FRONT))
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ekiben.core.front import Front


@dataclass(frozen=True, slots=True)
class Entry:
    """One command, known without being imported."""

    path: str  # `module:attribute` of the click command
    summary: str  # a sentence for the list of commands
    hidden: bool = False
    refused: str | None = None  # why there is no such command here: the end of a sentence; `path` is not asked then


@dataclass(frozen=True, slots=True)
class FrontEnd(Front):
    """A front with a command line."""

    module: str = "ekiben"  # `python -m MODULE` runs the same program, which `--reload` does
    summary: str = "Save a trained model, serve it fast, pack it once and run it anywhere."
    commands: Mapping[str, Entry] = field(default_factory=dict)  # more commands, or others under the same name
    versioned: Sequence[str] = ("--version",)  # options that say the version
    group: str = "ekiben.commands"  # of entry points, each of which adds a command
    aliases: Mapping[str, str] = field(default_factory=dict)  # other names of commands
    # What follows is by command, `models push` for one of a group; empty text stands for every command.
    # Options of the original that change nothing here, or that are refused, and why: {"serve": {"--production": "…"}}.
    # `--threads=` takes a value; `--env conda` is refused with just this value.
    idle: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refused: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Other names of our options, and of variables: {"serve": {"--workers": ("--api-workers", "LUNCH_API_WORKERS")}}.
    spelled: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    # Options with a value that go to the container engine as they are.
    passed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Values of our options where nobody gives one: {"get": {"output": "yaml"}}.
    defaults: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tag_line: str = "{tag}"  # what `build -o tag` prints

    def variable(self, name: str) -> str:
        """Name an environment variable: `PORT` is `EKIBEN_PORT`, for this front."""
        return f"{self.home_variable.removesuffix('_HOME')}_{name}"

    @property
    def completing(self) -> str:
        """The variable by which a shell asks for completions."""
        return f"_{self.program.replace('-', '_').upper()}_COMPLETE"
