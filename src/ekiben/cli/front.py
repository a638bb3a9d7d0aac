"""Say what a program is called, and where it differs from `ekiben`.

In: nothing but literals. Out: a `FrontEnd`, from which `cli/main` makes the whole program: the `Front` that all wings
know, and what only a command line has. A distribution that offers the same commands under another name makes its own:

    FRONT = FrontEnd(program="bento", module="bento", home_variable="BENTO_HOME", home_folder="~/bento")

    def main() -> None:
        sys.exit(run(FRONT))
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ekiben.core.front import Front


@dataclass(frozen=True, slots=True)
class Entry:
    """One command, known without being imported."""

    path: str  # `module:attribute` of the click command
    summary: str  # a sentence for the list of commands
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class FrontEnd(Front):
    """A front with a command line."""

    module: str = "ekiben"  # `python -m MODULE` runs the same program, which `--reload` does
    summary: str = "Save a trained model, serve it fast, pack it once and run it anywhere."
    commands: Mapping[str, Entry] = field(default_factory=dict)  # more commands, or others under the same name
    # By command, flags of the original that change nothing here, and why: {"serve": {"--production": "because …"}}.
    idle: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def variable(self, name: str) -> str:
        """Name an environment variable: `PORT` is `EKIBEN_PORT`, for this front."""
        return f"{self.home_variable.removesuffix('_HOME')}_{name}"

    @property
    def completing(self) -> str:
        """The variable by which a shell asks for completions."""
        return f"_{self.program.replace('-', '_').upper()}_COMPLETE"
