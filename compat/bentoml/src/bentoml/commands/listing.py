"""`bentoml list`, `get`, `delete` and `retrieve`: the store of bentos, and the repository of bundles.

In: names, tags, queries over labels. Out: both, in one list; a tag is looked for in the store first, exactly as it was
typed, then in the repository.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from bentoml.commands.either import Either
from ekiben.cli.bentos import get_bento
from ekiben.cli.bentos import row as bento_row
from ekiben.cli.command import Command
from ekiben.cli.errors import Failure, Mistake, say
from ekiben.cli.items import apart, pair
from ekiben.cli.output import echo_data, echo_table, local_time, output_option, size

if TYPE_CHECKING:
    from bentoml.bundles.description import Bundle
    from ekiben.store.bentos import Bento

COLUMNS = ("Tag", "Size", "Model Size", "Creation Time")
MORE = ("Labels", "APIs", "Artifacts")  # of `-o wide`


def bundle_row(bundle: "Bundle") -> dict[str, Any]:
    """Give what a list says of a bundle, as data; the keys are those of a bento, and three more."""
    info, artifacts = bundle.info, bundle.code / "artifacts"
    count = bundle.size
    models = sum(each.stat().st_size for each in artifacts.rglob("*") if each.is_file())
    return {
        "tag": str(bundle.tag),
        "service": f"{info.module}:{info.name}",
        "size": size(count),
        "size_bytes": count,
        "model_size": size(models),
        "model_size_bytes": models,
        "creation_time": bundle.creation_time.astimezone().isoformat(timespec="seconds"),
        "labels": dict(info.labels),
        "kind": "bundle",
        "apis": [str(each.get("name")) for each in info.apis],
        "artifacts": [f"{each.get('name')}: {each.get('artifact_type')}" for each in info.artifacts],
    }


def row(item: "Bento | Bundle") -> dict[str, Any]:
    """Give what a list says of either."""
    from ekiben.store.bentos import Bento

    return bento_row(item) if isinstance(item, Bento) else bundle_row(item)


def show(items: "Sequence[Bento | Bundle]", output: str) -> None:
    """Write a list of both."""
    rows = [row(item) for item in items]
    if output in ("json", "yaml"):
        echo_data(rows, output)
        return
    told = [
        [each["tag"], each["size"], each["model_size"], local_time(item.creation_time)]
        for each, item in zip(rows, items, strict=True)
    ]
    if output == "table":
        echo_table(COLUMNS, told)
        return
    for cells, each in zip(told, rows, strict=True):
        cells += [", ".join(f"{key}={value}" for key, value in each["labels"].items())]
        cells += [", ".join(each.get(key, ())) for key in ("apis", "artifacts")]
    echo_table((*COLUMNS, *MORE), told)


def find(name: str | None) -> "list[Bento | Bundle]":
    """Find what is stored under a name, or an exact tag, in both places; newest first.

    Raises:
        NotFound: there is nothing; the error names both places.
    """
    from bentoml.bundles.repository import repository
    from bentoml.bundles.tags import BundleTag
    from ekiben.core.errors import InvalidInput, NotFound
    from ekiben.store.bentos import bento_store

    store, there = bento_store(), repository()
    if name is None:
        return newest([*store.list(), *there.list()])
    found: list[Any] = []
    if name == name.lower():
        try:
            found += store.list(name)
        except (NotFound, InvalidInput):
            found = []
    try:
        tag = BundleTag.parse(name)
        found += there.list(tag.name) if tag.version is None else [there.get(tag)]
    except (NotFound, InvalidInput) as error:
        if not found:
            lacking = store.lacking(name) if name == name.lower() and isinstance(error, NotFound) else None
            told = f"there is no bento or bundle `{name}` in {store.root} and {there.root}"
            hint = error.hint or "`bentoml list` shows what is there"
            raise lacking or NotFound(told, hint=hint) from None
    return newest(found)


def newest(items: "list[Any]") -> "list[Bento | Bundle]":
    """Order by age."""
    return sorted(items, key=lambda each: each.creation_time, reverse=True)


def chosen(items: "Sequence[Bento | Bundle]", labels: Sequence[str], query: str | None) -> "list[Bento | Bundle]":
    """Choose by labels: `k=v` each, and a query."""
    from bentoml.bundles.labels import read_query

    wanted = dict(pair(text) for text in labels)
    holds = read_query(query) if query is not None else lambda _: True
    return [each for each in items if wanted.items() <= labels_of(each).items() and holds(labels_of(each))]


def labels_of(item: "Bento | Bundle") -> Mapping[str, str]:
    """Give the labels of either."""
    found: Mapping[str, str] = item.info.labels
    return found


@click.command(
    "list",
    cls=Command,
    examples=[
        ("list", "All bentos and bundles, newest first."),
        ("list IrisClassifier --limit 3", "The three newest versions of one."),
        ("list --labels 'team=vision, stage In (dev, prod)' -o wide", "Those whose labels say so, with more of each."),
    ],
)
@click.argument("name", required=False)
@click.option("-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only those with this label.")
@click.option(
    "--labels", "query", metavar="QUERY", help="Only those whose labels hold: k=v, k!=v, k In (a, b), k Exists."
)
@click.option("--limit", type=click.IntRange(1), metavar="NUMBER", help="So many at most.")
@click.option("--offset", type=click.IntRange(0), default=0, metavar="NUMBER", help="Leave out so many first.")
@click.option(
    "--order-by", type=click.Choice(["created_at", "name"]), default="created_at", show_default=True, help="By what."
)
@click.option("--ascending-order", "ascending", is_flag=True, help="Oldest, or last of the alphabet, first to last.")
@output_option("table", "json", "yaml", "wide", default="table")
def list_all(
    name: str | None,
    labels: tuple[str, ...],
    query: str | None,
    limit: int | None,
    offset: int,
    order_by: str,
    ascending: bool,
    output: str,
) -> None:
    """List bentos and bundles, newest first; NAME takes the versions of one."""
    found = chosen(find(name), labels, query)
    if order_by == "name":
        found.sort(key=lambda each: str(each.tag))
    if ascending and order_by == "created_at":
        found.reverse()
    some = found[offset : None if limit is None else offset + limit]
    show(some, output)
    if not some and output in ("table", "wide"):
        from bentoml.bundles.repository import repository
        from ekiben.store.bentos import bento_store

        what = "with this label " if labels or query else ""
        click.echo(f"\nThere is no bento {what}in {bento_store().root} and no bundle in {repository().root}.", err=True)


def the_bundle(tag: str) -> "Bundle":
    """Give the bundle that a tag, a folder or an archive names; raises NotFound."""
    from bentoml.bundles import targets
    from ekiben.core.errors import NotFound

    found = targets.find(tag, Path.cwd())
    if found is None:
        raise NotFound(f"there is no bundle `{tag}`", hint="`bentoml list` shows what is there")
    return found


@click.command("get", cls=Command, examples=[("get IrisClassifier:latest -o json", "All that is known of a bundle.")])
@click.argument("tag")
@output_option("short", "yaml", "json", "table", "wide", "path", "tag", default="short")
@click.pass_context
def get_bundle(ctx: click.Context, /, tag: str, output: str) -> None:
    """Show what is known of a bundle; a bare name lists its versions.

    With -o yaml, json, path or tag a bare name is the newest version.
    """
    bundle = the_bundle(tag)
    is_asked = ctx.get_parameter_source("output") is ParameterSource.COMMANDLINE
    if tag == bundle.tag.name and (not is_asked or output in ("short", "table", "wide")):
        show(find(tag), output if is_asked and output != "short" else "table")
        return
    if output in ("table", "wide"):
        show([bundle], output)
    elif output in ("path", "tag"):
        click.echo(str(bundle.path if output == "path" else bundle.tag))
    else:
        told = {**bundle.info.to_plain(), "size": size(bundle.size), "path": str(bundle.path)}
        echo_data(told, "json" if output == "json" else "yaml")


@click.command(
    "delete",
    cls=Command,
    examples=[
        ("delete IrisClassifier:20261120083000_A1B2C3", "One version, after asking."),
        ("delete IrisClassifier --all -y", "Every version of one, without asking."),
        ("delete --labels 'stage=old'", "Those whose labels say so."),
    ],
)
@click.argument("targets", nargs=-1, metavar="[TAG]...")
@click.option("--all", "every", is_flag=True, help="Every version of a bare name; without a name, every bundle.")
@click.option("--labels", "query", metavar="QUERY", help="Of these, or of all bundles, those whose labels hold.")
@click.option("-y", "--yes", "yes", is_flag=True, help="Do not ask.")
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def delete(
    ctx: click.Context, /, targets: tuple[str, ...], every: bool, query: str | None, yes: bool, output: str
) -> None:
    """Delete bentos and bundles, after showing them and asking; models of bentos stay."""
    from bentoml.bundles.repository import repository

    if not targets and not every and query is None:
        raise Mistake("nothing is named that could be deleted", ctx, hint="name a tag, or give --all or --labels")
    found: dict[str, Bento | Bundle] = {}
    for target in apart(targets):
        found |= {str(each.tag): each for each in meant(ctx, target, every=every or query is not None)}
    if not targets:
        found = {str(each.tag): each for each in repository().list()}
    items = chosen(list(found.values()), (), query)
    if not items:
        raise Failure(say("nothing is there that could be deleted"))
    if not yes:
        show(items, "table")
        if not click.confirm("Delete this?" if len(items) == 1 else f"Delete these {len(items)}?"):
            raise Failure(say("nothing was deleted"))
    rows = [row(item) for item in items]
    for item in items:
        remove(item)
        if output == "table":
            click.echo(f"deleted {item.tag}")
    if output != "table":
        echo_data(rows, output)


def meant(ctx: click.Context, target: str, *, every: bool) -> "list[Bento | Bundle]":
    """Find what one word names; a bare name is refused unless *every* is set."""
    found = find(target if ":" not in target or not target.endswith(":latest") else target.partition(":")[0])
    if target.endswith(":latest"):
        return found[:1]
    if ":" not in target and not every:
        there = "1 version is" if len(found) == 1 else f"{len(found)} versions are"
        raise Mistake(
            f"`{target}` names no version, and {there} there",
            ctx,
            hint=f"write `{target}:latest` for the newest, or add --all",
        )
    return found


def remove(item: "Bento | Bundle") -> None:
    """Delete one from where it is."""
    from bentoml.bundles.repository import repository
    from ekiben.store.bentos import Bento, bento_store

    if isinstance(item, Bento):
        bento_store().delete(item.tag)
    else:
        repository().delete(item.tag)


@click.command(
    cls=Command,
    examples=[("retrieve IrisClassifier:latest --target_dir ./iris", "A copy of its folder, to look at or to carry.")],
)
@click.argument("tag")
@click.option(
    "--target_dir", "--target-dir", "target", metavar="FOLDER", help="Empty or new.  [default: ./NAME_VERSION]"
)
def retrieve(tag: str, target: str | None) -> None:
    """Copy the folder of a bundle, or of a bento with its models."""
    from bentoml.bundles import targets
    from ekiben import bentos
    from ekiben.core.errors import AlreadyExists

    bundle = targets.find(tag, Path.cwd())
    if bundle is None:
        stored = bentos.get(tag)
        place = Path(target or f"{stored.tag.name}_{stored.tag.version}")
        click.echo(bentos.export_bento(stored.tag, str(place), output_format="folder"))
        return
    place = Path(target or f"{bundle.tag.name}_{bundle.tag.version}")
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise AlreadyExists(f"`--target_dir` must be empty or new: {str(place)!r}")
    shutil.copytree(bundle.path, place, dirs_exist_ok=True, symlinks=True)
    click.echo(place.absolute())


get = Either(get_bundle, get_bento)
