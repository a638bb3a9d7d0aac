"""`ekiben models`: look at the store of models, and change it."""

from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.command import Command, LazyGroup, complete_with
from ekiben.cli.errors import Failure, say
from ekiben.cli.front import Entry
from ekiben.cli.output import echo_data, echo_table, local_time, output_option, size

if TYPE_CHECKING:
    from ekiben.frameworks.handle import Model

models = LazyGroup(
    name="models",
    help="Look at the store of models, and change it.",
    entries={
        "list": Entry("ekiben.cli.models:list_models", "List models, newest first."),
        "get": Entry("ekiben.cli.models:get_model", "Show what is known of a model."),
        "delete": Entry("ekiben.cli.models:delete_models", "Delete models, after asking."),
    },
)


def tags(incomplete: str) -> list[str]:
    """List the tags that begin as *incomplete*, for the shell."""
    from ekiben.frameworks.api import model_store

    return [str(model.tag) for model in model_store().list() if str(model.tag).startswith(incomplete)]


def row(model: "Model") -> dict[str, Any]:
    """Give what a list says of a model."""
    count = model.size
    return {
        "tag": str(model.tag),
        "module": model.info.module,
        "size": size(count),
        "size_bytes": count,
        "creation_time": model.creation_time.astimezone().isoformat(timespec="seconds"),
        "labels": dict(model.labels),
    }


@click.command(
    "list",
    cls=Command,
    examples=[
        ("models list", "All models, newest first."),
        ("models list iris", "All versions of one model."),
        ("models list -l team=vision -o json", "Those with a label, for a script."),
    ],
)
@click.argument("name", required=False, shell_complete=complete_with(tags))
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only models with this label.")
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def list_models(ctx: click.Context, name: str | None, labels: tuple[str, ...], output: str) -> None:
    """List models, newest first; NAME takes the versions of one."""
    from ekiben.frameworks.api import model_store

    wanted = dict(pair(ctx, text) for text in labels)
    found = model_store().list(name, labels=wanted)
    if output == "table":
        cells = [(str(m.tag), m.info.module, size(m.size), local_time(m.creation_time)) for m in found]
        echo_table(("Tag", "Module", "Size", "Creation Time"), cells)
    else:
        echo_data([row(model) for model in found], output)


def pair(ctx: click.Context, text: str) -> tuple[str, str]:
    """Read `KEY=VALUE`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"`--label` must be KEY=VALUE: {text!r}", ctx)
    return key, value


@click.command("get", cls=Command, examples=[("models get iris:latest", "All that is known of the newest version.")])
@click.argument("tag", shell_complete=complete_with(tags))
@output_option("yaml", "json", "path", default="yaml")
def get_model(tag: str, output: str) -> None:
    """Show what is known of a model; a bare name is its newest version."""
    from ekiben.frameworks.api import model_store

    model = model_store().get(tag)
    if output == "path":
        click.echo(model.path)
        return
    echo_data({**model.info.to_plain(), "size": size(model.size), "path": str(model.path)}, output)


@click.command(
    "delete",
    cls=Command,
    examples=[
        ("models delete iris:gs7zezdrmykydlka", "One version, after asking."),
        ("models delete iris --all -y", "Every version, without asking."),
    ],
)
@click.argument("targets", nargs=-1, required=True, metavar="TAG…", shell_complete=complete_with(tags))
@click.option("--all", "every", is_flag=True, help="Every version of a bare name.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def delete_models(targets: tuple[str, ...], every: bool, yes: bool) -> None:
    """Delete models, after asking."""
    from ekiben.frameworks.api import model_store

    store = model_store()
    for target in targets:
        if not yes and not click.confirm(f"delete {target}?"):
            raise Failure(say("nothing was deleted"))
        for tag in store.delete(target, all=every):
            click.echo(f"deleted {tag}")
