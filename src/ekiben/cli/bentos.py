"""`ekiben list`, `get`, `delete`, `verify`, `prune`: the store of bentos."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.command import Command, complete_with
from ekiben.cli.errors import Mistake
from ekiben.cli.items import delete_items, find_targets, pair, verify_items
from ekiben.cli.output import echo_data, echo_table, local_time, output_option, size
from ekiben.cli.session import session_of
from ekiben.cli.short import short

if TYPE_CHECKING:
    from ekiben.store.bentos import Bento


def tags(incomplete: str) -> list[str]:
    """List the tags that begin as *incomplete*, for the shell, by names of folders."""
    from ekiben.core.paths import home
    from ekiben.core.tag import is_part

    found = sorted(path for path in (home() / "bentos").glob("*/*/bento.yaml") if is_part(path.parent.name))
    known = [f"{path.parts[-3]}:{path.parts[-2]}" for path in found]
    return [tag for tag in known if tag.startswith(incomplete)]


def show(found: "Sequence[Bento]", output: str) -> None:
    """Write a list of bentos."""
    if output != "table":
        echo_data([row(one) for one in found], output)
        return
    cells = [(str(one.tag), size(one.size), size(models_size(one)), local_time(one.creation_time)) for one in found]
    echo_table(("Tag", "Size", "Model Size", "Creation Time"), cells)


def models_size(bento: "Bento") -> int:
    """Give the bytes of the models that are there; `verify` says what is missing."""
    from ekiben.core.errors import EkibenError

    store, total = bento.model_store(), 0
    for model in bento.info.models:
        try:
            total += store.get(model.tag).size
        except EkibenError:
            continue
    return total


def row(bento: "Bento") -> dict[str, Any]:
    """Give what a list says of a bento, as data."""
    count, models = bento.size, models_size(bento)
    return {
        "tag": str(bento.tag),
        "service": bento.info.service,
        "size": size(count),
        "size_bytes": count,
        "model_size": size(models),
        "model_size_bytes": models,
        "creation_time": bento.creation_time.astimezone().isoformat(timespec="seconds"),
        "labels": dict(bento.labels),
    }


@click.command(
    "list",
    cls=Command,
    examples=[
        ("list", "All bentos, newest first."),
        ("list iris", "All versions of one bento."),
        ("list -l team=vision -o json", "Those with a label, for a script."),
    ],
)
@click.argument("name", required=False, shell_complete=complete_with(tags))
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only bentos with this label.")
@output_option("table", "json", "yaml", default="table")
def list_bentos(name: str | None, labels: tuple[str, ...], output: str) -> None:
    """List bentos, newest first; NAME takes the versions of one."""
    from ekiben.store.bentos import bento_store

    store = bento_store()
    found = store.list(name, labels=dict(pair(text) for text in labels))
    show(found, output)
    if not found and output == "table":
        click.echo(f"\nThere is no bento {'with this label ' if labels else ''}in {store.root}.", err=True)


@click.command(
    "get",
    cls=Command,
    examples=[
        ("get iris:latest", "The newest version: what it serves, what it holds, where it lies."),
        ("get iris -o yaml", "All that is known of it."),
        ("get iris -o path", "The folder that holds its files."),
        ("get iris -o tag", "The exact tag of the newest version, for a script."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@output_option("short", "yaml", "json", "table", "path", "tag", default="short")
@click.pass_context
def get_bento(ctx: click.Context, tag: str, output: str) -> None:
    """Show what is known of a bento; a bare name is its newest version."""
    from ekiben.store.bentos import bento_store

    bento = bento_store().get(tag)
    if output == "path":
        click.echo(bento.path)
    elif output == "tag":
        click.echo(str(bento.tag))
    elif output == "table":
        show([bento], output)
    elif output == "short":
        echo_data(short(bento), "yaml")
        session = session_of(ctx)
        if not session.quiet:
            click.echo(f"\n`{session.front.program} get {bento.tag} -o yaml` shows all of it.", err=True)
    else:
        told = {**bento.info.to_plain(), "digest": bento.digest, "size": size(bento.size), "path": str(bento.path)}
        echo_data(told, output)


@click.command(
    "delete",
    cls=Command,
    examples=[
        ("delete iris:gs7zezdrmykydlka", "One version, after asking."),
        ("delete iris:latest flowers:v1 -y", "The newest version of one bento and a version of another."),
        ("delete iris --all", "Every version of a bento."),
    ],
)
@click.argument("targets", nargs=-1, required=True, metavar="TAG...", shell_complete=complete_with(tags))
@click.option("--all", "every", is_flag=True, help="Every version of a bare name.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option("table", "json", "yaml", default="table")
def delete_bentos(targets: tuple[str, ...], every: bool, yes: bool, output: str) -> None:
    """Delete bentos, after showing them and asking; their models stay.

    Without --all each TAG names a version, or `latest`.
    """
    from ekiben.store.bentos import bento_store

    store = bento_store()
    delete_items(store, find_targets(store, targets, every), show, row, yes=yes, output=output)


@click.command(
    "verify",
    cls=Command,
    examples=[("verify", "All bentos."), ("verify iris:latest", "The newest version of one, and its models.")],
)
@click.argument("targets", nargs=-1, metavar="[TAG]...", shell_complete=complete_with(tags))
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def verify_bentos(ctx: click.Context, targets: tuple[str, ...], output: str) -> None:
    """Hold each TAG (default: all) and its models against what was built."""
    from ekiben.store.bentos import bento_store

    verify_items(bento_store(), targets, output=output, quiet=session_of(ctx).quiet)


@click.command(
    "prune",
    cls=Command,
    examples=[
        ("prune --keep 3", "All but the three newest of each bento, after asking."),
        ("prune iris --keep 1 -y", "All but the newest of one, without asking."),
        ("prune --environments 30", "The environments of `serve --env` that nobody wanted for 30 days."),
    ],
)
@click.argument("name", required=False, shell_complete=complete_with(tags))
@click.option("--keep", type=click.IntRange(1), metavar="NUMBER", help="Newest versions that stay.")
@click.option(
    "--environments",
    "days",
    type=click.IntRange(0),
    metavar="DAYS",
    help="Remove environments that nobody wanted for so many days.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def prune_bentos(
    ctx: click.Context, name: str | None, keep: int | None, days: int | None, yes: bool, output: str
) -> None:
    """Delete all but the newest versions of each bento, or of NAME; models stay."""
    if keep is None and days is None:
        raise Mistake("`prune` needs to know what stays", ctx, hint="write `--keep 3`, or `--environments 30`")
    if days is not None and keep is None and name is not None:
        raise Mistake(f"`--environments` is not of one bento: {name!r}", ctx, hint="leave the name out")
    if keep is not None:
        prune_versions(name, keep, yes=yes, output=output)
    if days is not None:
        prune_cached(days)


def prune_cached(days: int) -> None:
    """Remove environments that nobody wanted for some days."""
    import time

    from ekiben.bundle.environment import prune_environments

    gone = prune_environments(time.time() - days * 86_400)
    for digest in gone:
        click.echo(f"removed the environment {digest[:12]}", err=True)
    if not gone:
        click.echo(f"no environment is unused for {days} day{'s' * (days != 1)}", err=True)


def prune_versions(name: str | None, keep: int, *, yes: bool, output: str) -> None:
    """Delete all but the newest versions, after asking."""
    from ekiben.store.bentos import bento_store

    store = bento_store()
    old = {bento.tag: bento for bento in store.find_old(keep, name)}
    if old:
        delete_items(store, old, show, row, yes=yes, output=output)
    elif output == "table":
        click.echo(f"no bento has more than {keep} version{'s' * (keep != 1)}")
    else:
        echo_data([], output)
