"""Commands that end in odd ways, for tests of the border."""

import click

from ekiben.cli.command import Command
from ekiben.core.errors import ConfigError


@click.command(cls=Command)
@click.argument("how")
def end(how: str) -> None:
    """End in the way that is asked for."""
    match how:
        case "interrupt":
            raise KeyboardInterrupt
        case "bug":
            raise ZeroDivisionError("a bug of ours")
        case "refuse":
            raise ConfigError("`x` must be 1: 2", hint="write `x: 1`")
        case "pipe":
            raise BrokenPipeError
        case "confirm":
            click.confirm("Really?", abort=True)
