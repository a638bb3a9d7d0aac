"""`ekiben push` and `pull`, also of `ekiben models`: share through a registry."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ekiben.cli.command import Command, complete_with, session_of
from ekiben.cli.models import row, tags
from ekiben.cli.output import echo_data, output_option, progress

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PUSH_HELP = """Push the model TAG to REGISTRY, as REGISTRY/NAME:VERSION.

REGISTRY is a place such as `registry.example.com/team` or the name of a remote; without it the default remote is meant.
Log in with `docker login`. What is there already is not sent again.
"""
PULL_HELP = """Pull the model TAG from REGISTRY into the store, under the same tag.

REGISTRY is a place such as `registry.example.com/team` or the name of a remote; without it the default remote is meant.
A bare name is the newest that was pushed. What is damaged, or would write outside its folder, changes nothing; nothing
is unpickled.
"""


def registry_options(function: Decorated) -> Decorated:
    """Add what says how a registry is reached."""
    function = click.option(
        "--ca-file", type=click.Path(), metavar="FILE", help="Certificates to trust besides the system's."
    )(function)
    function = click.option("--plain-http", is_flag=True, help="Allow plain HTTP to another machine than this one.")(
        function
    )
    return click.argument("registry", required=False, shell_complete=complete_with(remotes))(function)


def remotes(incomplete: str) -> list[str]:
    """List the remotes that begin as *incomplete*, for the shell, by names of files."""
    from ekiben.core.paths import home

    return sorted(path.stem for path in (home() / "remotes").glob("*.yaml") if path.stem.startswith(incomplete))


def push_command(name: str, words: str) -> click.Command:
    """Make a command that pushes; *words* are how it is typed."""

    @click.command(
        name,
        cls=Command,
        help=PUSH_HELP,
        examples=[
            (f"{words} iris:latest registry.example.com/team", "The newest version of a model."),
            (f"{words} iris:v1 localhost:5000", "To a registry on this machine, by plain HTTP."),
            (f"{words} iris", "To the default remote; see `remote add`."),
        ],
    )
    @click.argument("tag", shell_complete=complete_with(tags))
    @registry_options
    @click.option("--force", is_flag=True, help="Replace what is under the tag there with other content.")
    @output_option("table", "json", "yaml", default="table")
    @click.pass_context
    def command(ctx: click.Context, /, tag: str, registry: str | None, force: bool, output: str, **reach: Any) -> None:
        from ekiben.frameworks.api import model_store
        from ekiben.store.pushes import push_item
        from ekiben.store.remotes.named import find_place

        place = find_place(registry, **reach)
        model = model_store().get(tag)
        with progress(f"pushing {model.tag}", quiet=session_of(ctx).quiet) as note:
            pushed = push_item(model, place, kind="model", framework=model.info.module, force=force, progress=note)
        if output == "table":
            there = "" if pushed.sent else " (all of it was there)"
            click.echo(f"pushed {model.tag} to {pushed.reference}@{pushed.digest}{there}")
        else:
            told = {"reference": pushed.reference, "digest": pushed.digest, "sent_bytes": pushed.sent}
            echo_data({**row(model), **told}, output)

    return command


def pull_command(name: str, words: str) -> click.Command:
    """Make a command that pulls; *words* are how it is typed."""

    @click.command(
        name,
        cls=Command,
        help=PULL_HELP,
        examples=[
            (f"{words} iris:v1 registry.example.com/team", "A version of a model."),
            (f"{words} iris", "The newest that was pushed to the default remote."),
        ],
    )
    @click.argument("tag", shell_complete=complete_with(tags))
    @registry_options
    @click.option("--max-size-mib", type=click.IntRange(1), help="Refuse what is larger.")
    @output_option("table", "json", "yaml", default="table")
    @click.pass_context
    def command(
        ctx: click.Context, /, tag: str, registry: str | None, max_size_mib: int | None, output: str, **reach: Any
    ) -> None:
        from ekiben.frameworks.api import model_store
        from ekiben.store.pulls import pull_model
        from ekiben.store.remotes.named import find_place

        place = find_place(registry, **reach)
        limit = None if max_size_mib is None else max_size_mib * 1024 * 1024
        with progress(f"pulling {tag}", quiet=session_of(ctx).quiet) as note:
            model = pull_model(model_store(), tag, place, max_size=limit, progress=note)
        if output == "table":
            click.echo(f"pulled {model.tag} from {place}")
        else:
            echo_data(row(model), output)

    return command


push, push_model = push_command("push", "push"), push_command("push", "models push")
pull, pull_model = pull_command("pull", "pull"), pull_command("pull", "models pull")
