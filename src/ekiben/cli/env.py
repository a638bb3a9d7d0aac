"""`ekiben env`: what a report of a problem should hold."""

import click

from ekiben.cli.command import Command, session_of
from ekiben.cli.output import echo_data, output_option


@click.command(cls=Command, examples=[("env", "As text, to paste into a report."), ("env -o json", "For a script.")])
@output_option("text", "json", "yaml", default="text")
@click.pass_context
def env(ctx: click.Context, output: str) -> None:
    """Show versions and places, to paste into the report of a problem."""
    import platform
    import sys
    from importlib import metadata

    from ekiben.core.paths import home

    front = session_of(ctx).front
    facts = {
        front.distribution: metadata.version(front.distribution),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "home": str(home()),
    }
    if output != "text":
        echo_data(facts, output)
        return
    for name, value in facts.items():
        click.echo(f"{name}: {value}")
