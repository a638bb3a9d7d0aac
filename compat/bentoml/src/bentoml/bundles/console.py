"""The command of an installed bundle, named after its service.

In: the folder of the installed package, the words that were typed. Out: those of `bentoml serve`, `run` and `info` for
this one service; the name of an API alone runs it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from bentoml.bundles.description import Bundle, open_bundle
from bentoml.front import FRONT
from ekiben.cli.main import run

COMMANDS = ("serve", "serve-gunicorn", "run", "info", "open-api-spec")


def console(folder: Path) -> None:
    """Run the command, and leave with its exit code."""
    sys.exit(run(FRONT, words_of(open_bundle(folder), sys.argv[1:])))


def words_of(bundle: Bundle, typed: Sequence[str]) -> list[str]:
    """Give the words of `bentoml` for what was typed behind the service's name."""
    command, *rest = typed or ["--help"]
    path = str(bundle.path)
    if command in COMMANDS:
        return [command, path, *rest]
    if command in [str(api.get("name")) for api in bundle.info.apis]:
        return ["run", path, command, *rest]
    return [command, *rest]
