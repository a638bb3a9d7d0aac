"""Say what a program of this command line is called, and where it differs from `ekiben`.

In: nothing but literals. Out: a `FrontEnd`, from which `cli/main` makes the whole program. A distribution that offers
the same commands under another name makes one of its own:

    FRONT = FrontEnd(program="bento", module="bento", variables="BENTO", home="~/bento", host="0.0.0.0")

    def main() -> None:
        sys.exit(run(FRONT))
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ekiben.core.spec import Style


@dataclass(frozen=True, slots=True)
class Entry:
    """One command, known without being imported."""

    path: str  # `module:attribute` of the click command
    summary: str  # a sentence for the list of commands
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What one name of the program differs in from another."""

    program: str = "ekiben"  # as it is typed; stands in usage lines and examples
    module: str = "ekiben"  # `python -m MODULE` runs the same program, which `--reload` does
    distribution: str = "ekiben"  # whose version `--version` says
    summary: str = "Save a trained model, serve it fast, pack it once and run it anywhere."
    variables: str = "EKIBEN"  # options are read from EKIBEN_PORT, EKIBEN_HOST …, the home from EKIBEN_HOME
    home: str = "~/.ekiben"  # where nothing else says so
    host: str = "127.0.0.1"  # what `serve` listens on
    style: Style | None = None  # of services that bear none of their own, such as stored models
    package: str = "ekiben"  # stands before a framework's name in tables: `ekiben.sklearn`
    commands: Mapping[str, Entry] = field(default_factory=dict)  # more commands, or others under the same name

    def variable(self, name: str) -> str:
        """Give the name of an environment variable: `PORT` is `EKIBEN_PORT`."""
        return f"{self.variables}_{name}"
