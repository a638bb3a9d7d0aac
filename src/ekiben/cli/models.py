"""`ekiben models`: look at the store of models, and change it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.command import Command, LazyGroup, complete_with
from ekiben.cli.front import Entry
from ekiben.cli.items import delete_items, find_targets, pair, verify_items
from ekiben.cli.output import echo_data, echo_table, local_time, output_option, size
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from ekiben.frameworks.handle import Model

models = LazyGroup(
    name="models",
    help="Look at the store of models, and change it.",
    entries={
        "list": Entry("ekiben.cli.models:list_models", "List models, newest first."),
        "get": Entry("ekiben.cli.models:get_model", "Show what is known of a model."),
        "delete": Entry("ekiben.cli.models:delete_models", "Delete models, after asking."),
        "export": Entry("ekiben.cli.carry:export_model", "Write a model to a file, a folder or a URL."),
        "import": Entry("ekiben.cli.carry:import_model", "Put an exported model into the store."),
        "push": Entry("ekiben.cli.push:push_models", "Push a model to a registry."),
        "pull": Entry("ekiben.cli.push:pull_models", "Pull a model from a registry."),
        "verify": Entry("ekiben.cli.models:verify_models", "Hold models against what was saved."),
    },
)


def tags(incomplete: str) -> list[str]:
    """List the tags that begin as *incomplete*, for the shell, by names of folders."""
    from ekiben.core.paths import home
    from ekiben.core.tag import is_part

    found = sorted(path for path in (home() / "models").glob("*/*/model.yaml") if is_part(path.parent.name))
    known = [f"{path.parts[-3]}:{path.parts[-2]}" for path in found]
    return [tag for tag in known if tag.startswith(incomplete)]


def show(found: "Sequence[Model]", output: str) -> None:
    """Write a list of models."""
    if output == "table":
        cells = [(str(one.tag), one.info.module, size(one.size), local_time(one.creation_time)) for one in found]
        echo_table(("Tag", "Module", "Size", "Creation Time"), cells)
    else:
        echo_data([row(one) for one in found], output)


def row(model: "Model") -> dict[str, Any]:
    """Give what a list says of a model, as data."""
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
def list_models(name: str | None, labels: tuple[str, ...], output: str) -> None:
    """List models, newest first; NAME takes the versions of one."""
    from ekiben.frameworks.api import model_store

    store = model_store()
    found = store.list(name, labels=dict(pair(text) for text in labels))
    show(found, output)
    if not found and output == "table":
        click.echo(f"\nThere is no model {'with this label ' if labels else ''}in {store.root}.", err=True)


@click.command(
    "get",
    cls=Command,
    examples=[
        ("models get iris:latest", "All that is known of the newest version."),
        ("models get iris -o path", "The folder that holds its files."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@output_option("yaml", "json", "table", "path", default="yaml")
def get_model(tag: str, output: str) -> None:
    """Show what is known of a model; a bare name is its newest version."""
    from ekiben.frameworks.api import model_store

    model = model_store().get(tag)
    if output == "path":
        click.echo(model.path)
    elif output == "table":
        show([model], output)
    else:
        echo_data({**model.info.to_plain(), "size": size(model.size), "path": str(model.path)}, output)


@click.command(
    "delete",
    cls=Command,
    examples=[
        ("models delete iris:gs7zezdrmykydlka", "One version, after asking."),
        ("models delete iris:latest flowers:v1 -y", "The newest version of one model and a version of another."),
        ("models delete iris --all", "Every version of a model."),
    ],
)
@click.argument("targets", nargs=-1, required=True, metavar="TAG...", shell_complete=complete_with(tags))
@click.option("--all", "every", is_flag=True, help="Every version of a bare name.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option("table", "json", "yaml", default="table")
def delete_models(targets: tuple[str, ...], every: bool, yes: bool, output: str) -> None:
    """Delete models, after showing them and asking.

    Without --all each TAG names a version, or `latest`.
    """
    from ekiben.frameworks.api import model_store

    store = model_store()
    delete_items(store, find_targets(store, targets, every), show, row, yes=yes, output=output)


@click.command(
    "verify",
    cls=Command,
    examples=[("models verify", "All models."), ("models verify iris:latest", "The newest version of one.")],
)
@click.argument("targets", nargs=-1, metavar="[TAG]...", shell_complete=complete_with(tags))
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def verify_models(ctx: click.Context, targets: tuple[str, ...], output: str) -> None:
    """Read every byte of each TAG (default: all) and compare it with what was saved."""
    from ekiben.frameworks.api import model_store

    verify_items(model_store(), targets, output=output, quiet=session_of(ctx).quiet)
