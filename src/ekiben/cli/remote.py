"""`ekiben remote`: name registries, so that push and pull need not be told where."""

from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.command import Command, LazyGroup, complete_with
from ekiben.cli.front import Entry
from ekiben.cli.output import echo_data, echo_table, output_option
from ekiben.cli.push import remotes

if TYPE_CHECKING:
    from ekiben.store.remotes.named import Remote

remote = LazyGroup(
    name="remote",
    help="Name registries, for push and pull.",
    entries={
        "add": Entry("ekiben.cli.remote:add", "Name a registry."),
        "list": Entry("ekiben.cli.remote:list_all", "List the named registries."),
        "remove": Entry("ekiben.cli.remote:remove", "Forget a name."),
        "default": Entry("ekiben.cli.remote:default", "Say which is meant where none is named."),
    },
)


def told(one: "Remote") -> dict[str, Any]:
    """Give what a list says of a remote, as data."""
    return {
        "name": one.name,
        "registry": one.registry,
        "plain_http": one.plain_http,
        "ca_file": one.ca_file,
        "default": one.is_default,
    }


@click.command(
    "add",
    cls=Command,
    examples=[
        ("remote add team registry.example.com/models", "The first one becomes the default."),
        ("remote add lab https://10.1.2.3:5000 --ca-file lab.pem", "With certificates of your own."),
    ],
)
@click.argument("name")
@click.argument("registry")
@click.option("--plain-http", is_flag=True, help="Allow plain HTTP to another machine than this one.")
@click.option("--ca-file", type=click.Path(), metavar="FILE", help="Certificates to trust besides the system's.")
@click.option("--default", "is_default", is_flag=True, help="Mean this one where none is named.")
def add(name: str, registry: str, plain_http: bool, ca_file: str | None, is_default: bool) -> None:
    """Call REGISTRY by NAME; the first one becomes the default.

    No password is kept: log in with `docker login`.
    """
    from ekiben.store.remotes.named import add_remote, set_default

    one = add_remote(name, registry, plain_http=plain_http, ca_file=ca_file)
    if is_default:
        one = set_default(name)
    click.echo(f"added {one.name}: {one.registry}{' (default)' if one.is_default else ''}")


@click.command(
    "list", cls=Command, examples=[("remote list", "All of them."), ("remote list -o json", "For a script.")]
)
@output_option("table", "json", "yaml", default="table")
def list_all(output: str) -> None:
    """List the named registries."""
    from ekiben.store.remotes.named import list_remotes

    found = list_remotes()
    if output == "table":
        cells = [(one.name, one.registry, "yes" if one.is_default else "") for one in found]
        echo_table(("Name", "Registry", "Default"), cells)
    else:
        echo_data([told(one) for one in found], output)


@click.command("remove", cls=Command, examples=[("remote remove lab", "The registry itself is left alone.")])
@click.argument("name", shell_complete=complete_with(remotes))
def remove(name: str) -> None:
    """Forget NAME; the registry itself is left alone."""
    from ekiben.store.remotes.named import remove_remote

    one = remove_remote(name)
    click.echo(f"removed {one.name}: {one.registry}")


@click.command(
    "default",
    cls=Command,
    examples=[("remote default", "Which one it is."), ("remote default lab", "Another from now on.")],
)
@click.argument("name", required=False, shell_complete=complete_with(remotes))
def default(name: str | None) -> None:
    """Say which remote is meant where none is named; with NAME, make it that one."""
    from ekiben.store.remotes.named import default_remote, set_default

    one = default_remote() if name is None else set_default(name)
    click.echo(f"{one.name}: {one.registry}")
