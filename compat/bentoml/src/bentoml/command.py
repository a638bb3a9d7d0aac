"""The command `bentoml`: that of Ekiben, entered by BentoML's name."""

import sys

from bentoml.front import FRONT
from ekiben.cli.main import run


def main() -> None:
    """Run the command line."""
    sys.exit(run(FRONT))
