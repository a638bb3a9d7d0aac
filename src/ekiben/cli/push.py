"""`ekiben push` and `pull`, also of `ekiben models`: share through a registry."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ekiben.cli.bentos import row as bento_row
from ekiben.cli.bentos import tags as bento_tags
from ekiben.cli.command import Command, complete_with
from ekiben.cli.models import row as model_row
from ekiben.cli.models import tags as model_tags
from ekiben.cli.output import echo_data, output_option, progress
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from ekiben.core.tag import Tag
    from ekiben.frameworks.handle import Model
    from ekiben.store.bentos import Bento
    from ekiben.store.digest import Progress
    from ekiben.store.remotes.oci.places import Place
    from ekiben.store.shares import OnItem

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

REGISTRY = """REGISTRY is a place such as `registry.example.com/team` or the name of a remote; without it the default
remote is meant."""
PUSH = f"""{REGISTRY} Log in with `docker login`. What is there already is not sent again."""
PULL = f"""{REGISTRY} A bare name is the newest that was pushed. What is damaged, or would write outside its folder,
changes nothing; nothing is unpickled or run."""


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


def tags(incomplete: str) -> list[str]:
    """List the tags of bentos and models that begin as *incomplete*, for the shell."""
    return sorted({*bento_tags(incomplete), *model_tags(incomplete)})


@contextmanager
def bars(doing: str, *, quiet: bool) -> "Iterator[OnItem]":
    """Show a bar for one item after the other."""
    with ExitStack() as stack:

        def on_item(tag: "Tag") -> "Progress | None":
            stack.close()
            return stack.enter_context(progress(f"{doing} {tag}", quiet=quiet))

        yield on_item


def find_item(tag: str) -> "Bento | Model":
    """Find the bento called so, or else the model."""
    from ekiben.core.errors import NotFound
    from ekiben.core.paths import home
    from ekiben.frameworks.api import model_store
    from ekiben.store.bentos import bento_store

    try:
        return bento_store().get(tag)
    except NotFound as bento:
        try:
            return model_store().get(tag)
        except NotFound as model:
            lacking = bento_store().lacking(tag) or model_store().lacking(tag)
            if lacking is not None:
                raise lacking from model
            hint = next((str(one.hint) for one in (bento, model) if "did you mean" in str(one.hint)), model.hint)
            raise NotFound(f"there is no bento and no model {tag!r} in {home()}", hint=hint) from model


def push_one(item: "Bento | Model", place: "Place", *, force: bool, quiet: bool, output: str) -> None:
    """Push an item, and say where it is."""
    from ekiben.store.bentos import Bento
    from ekiben.store.shares import push_bento, push_model

    with bars("pushing", quiet=quiet) as on_item:
        if isinstance(item, Bento):
            pushed = push_bento(item, place, force=force, on_item=on_item)
        else:
            pushed = push_model(item, place, force=force, progress=on_item(item.tag))
    if output == "table":
        there = "" if pushed.sent else " (all of it was there)"
        click.echo(f"pushed {item.tag} to {pushed.reference}@{pushed.digest}{there}")
        for model in item.info.models if isinstance(item, Bento) else ():
            click.echo(f"with the model {model.tag}")
    else:
        told = {"reference": pushed.reference, "digest": pushed.digest, "sent_bytes": pushed.sent}
        echo_data({**row_of(item), **told}, output)


def pull_one(tag: str, place: "Place", *, kind: str, max_size_mib: int | None, quiet: bool, output: str) -> None:
    """Pull a model or a bento, and say its tag."""
    from ekiben.frameworks.api import model_store
    from ekiben.store.bentos import Bento, bento_store
    from ekiben.store.pulls import pull_model
    from ekiben.store.shares import pull_bento

    limit = None if max_size_mib is None else max_size_mib * 1024 * 1024
    with progress(f"pulling {tag}", quiet=quiet) as note:
        item: Bento | Model = (
            pull_bento(bento_store(), tag, place, max_size=limit, progress=note)
            if kind == "bento"
            else pull_model(model_store(), tag, place, max_size=limit, progress=note)
        )
    if output == "table":
        click.echo(f"pulled {item.tag} from {place}")
        for model in item.info.models if isinstance(item, Bento) else ():
            click.echo(f"with the model {model.tag}")
    else:
        echo_data(row_of(item), output)


def row_of(item: "Bento | Model") -> dict[str, Any]:
    """Give what a list says of an item, as data."""
    from ekiben.store.bentos import Bento

    return bento_row(item) if isinstance(item, Bento) else model_row(item)


_force = click.option("--force", is_flag=True, help="Replace what is under the tag there with other content.")
_max_size = click.option("--max-size-mib", type=click.IntRange(1), help="Refuse what is larger.")


@click.command(
    "push",
    cls=Command,
    help=f"""Push the bento TAG with its models, or else the model TAG, to REGISTRY.\n\n{PUSH}""",
    examples=[
        ("push iris:latest registry.example.com/team", "The newest version of a bento, with its models."),
        ("push iris:v1 localhost:5000", "To a registry on this machine, by plain HTTP."),
        ("push iris", "To the default remote; see `remote add`."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@registry_options
@_force
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def push(ctx: click.Context, /, tag: str, registry: str | None, force: bool, output: str, **reach: Any) -> None:
    """Push a bento, or else a model."""
    from ekiben.store.remotes.named import find_place

    place = find_place(registry, **reach)
    push_one(find_item(tag), place, force=force, quiet=session_of(ctx).quiet, output=output)


@click.command(
    "push",
    cls=Command,
    help=f"""Push the model TAG to REGISTRY, as REGISTRY/models/NAME:VERSION.\n\n{PUSH}""",
    examples=[
        ("models push iris:latest registry.example.com/team", "The newest version of a model."),
        ("models push iris", "To the default remote; see `remote add`."),
    ],
)
@click.argument("tag", shell_complete=complete_with(model_tags))
@registry_options
@_force
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def push_models(ctx: click.Context, /, tag: str, registry: str | None, force: bool, output: str, **reach: Any) -> None:
    """Push a model, also where a bento has its name."""
    from ekiben.frameworks.api import model_store
    from ekiben.store.remotes.named import find_place

    place = find_place(registry, **reach)
    push_one(model_store().get(tag), place, force=force, quiet=session_of(ctx).quiet, output=output)


@click.command(
    "pull",
    cls=Command,
    help=f"""Pull the bento TAG with its models, or else the model TAG, from REGISTRY.\n\n{PULL}""",
    examples=[
        ("pull iris:v1 registry.example.com/team", "A version of a bento, with its models."),
        ("pull iris", "The newest that was pushed to the default remote."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@registry_options
@_max_size
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def pull(
    ctx: click.Context, /, tag: str, registry: str | None, max_size_mib: int | None, output: str, **reach: Any
) -> None:
    """Pull a bento, or else a model."""
    from ekiben.store.remotes.named import find_place
    from ekiben.store.shares import find_kind

    place = find_place(registry, **reach)
    kind = find_kind(tag, place)
    pull_one(tag, place, kind=kind, max_size_mib=max_size_mib, quiet=session_of(ctx).quiet, output=output)


@click.command(
    "pull",
    cls=Command,
    help=f"""Pull the model TAG from REGISTRY, under the same tag.\n\n{PULL}""",
    examples=[
        ("models pull iris:v1 registry.example.com/team", "A version of a model."),
        ("models pull iris", "The newest that was pushed to the default remote."),
    ],
)
@click.argument("tag", shell_complete=complete_with(model_tags))
@registry_options
@_max_size
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def pull_models(
    ctx: click.Context, /, tag: str, registry: str | None, max_size_mib: int | None, output: str, **reach: Any
) -> None:
    """Pull a model."""
    from ekiben.store.remotes.named import find_place

    place = find_place(registry, **reach)
    pull_one(tag, place, kind="model", max_size_mib=max_size_mib, quiet=session_of(ctx).quiet, output=output)
