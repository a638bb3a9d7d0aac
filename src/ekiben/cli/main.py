"""The command `ekiben`: a table of commands, each in its own file, imported when it is called.

In: the words that were typed. Out: an exit code; errors as `error: …` and `hint: …`, never a traceback of ours.
"""

import importlib
import sys

import click

from ekiben.core.errors import EkibenError

COMMANDS = {
    "serve": ("ekiben.cli.serve:serve", "Serve a service or a stored model."),
    "models": ("ekiben.cli.models:models", "List, show, delete, export and import models."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, in the order of the path from save to serve."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command *cmd_name*."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup)
def cli() -> None:
    """Save a trained model, serve it, pack it, run it anywhere."""


def main() -> None:
    """Run the command line."""
    try:
        cli(standalone_mode=True)
    except EkibenError as error:
        click.echo(f"error: {error}", err=True)
        if error.hint:
            click.echo(f"\nhint: {error.hint}", err=True)
        sys.exit(1)
