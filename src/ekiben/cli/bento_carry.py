"""`ekiben export` and `ekiben import`: carry bentos and their models."""

import click

from ekiben.cli.bentos import row, tags
from ekiben.cli.command import Command, complete_with
from ekiben.cli.output import echo_data, output_option, progress
from ekiben.cli.session import session_of

FORMATS = ("bento", "tar", "gz", "xz", "bz2", "zst", "zip", "folder")


@click.command(
    "export",
    cls=Command,
    examples=[
        ("export iris:latest", "Into this folder, as iris-VERSION.bento."),
        ("export iris:latest out/iris.tar.gz", "In the format that the ending says."),
        ("export iris:latest s3://bucket/bentos/", "To any place that fsspec reaches."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@click.argument("path", default=".", type=click.Path())
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Format, whatever the ending of PATH says.")
@click.option("--without-models", is_flag=True, help="Leave its models out, for a store that has them.")
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def export_bento(ctx: click.Context, tag: str, path: str, form: str | None, without_models: bool, output: str) -> None:
    """Write the bento TAG to PATH, its models inside: a file, a folder or a URL.

    What is there is replaced as a whole. The same bento gives the same bytes, wherever and whenever it is exported.
    """
    from ekiben.store.bentos import bento_store
    from ekiben.store.travel import export_bento as export

    bento = bento_store().get(tag)
    with progress(f"exporting {bento.tag}", quiet=session_of(ctx).quiet) as note:
        place = export(bento, path, output_format=form, with_models=not without_models, progress=note)
    if output == "table":
        click.echo(f"exported {bento.tag} to {place}")
    else:
        echo_data({**row(bento), "path": place}, output)


@click.command(
    "import",
    cls=Command,
    examples=[
        ("import iris-gs7zezdrmykydlka.bento", "An exported bento and its models, under the tags that they have."),
        ("import https://example.org/iris.bento", "From any place that fsspec reaches."),
        ("import iris.bento --skip-existing", "In a script that may run twice."),
    ],
)
@click.argument("path", type=click.Path())
@click.option("--skip-existing", is_flag=True, help="Be content with the same bento under the same tag.")
@click.option(
    "--max-size-mib", type=click.IntRange(1), help="Refuse what unpacks to more.  [default: 1024, or 200 times PATH]"
)
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def import_bento(ctx: click.Context, path: str, skip_existing: bool, max_size_mib: int | None, output: str) -> None:
    """Put the exported bento at PATH into the store, and its models beside.

    PATH is a file, a folder or a URL. What is damaged, or would write outside its folder, changes nothing; none of its
    code is run.
    """
    from ekiben.store.bentos import bento_store
    from ekiben.store.travel import import_bento as import_

    limit = None if max_size_mib is None else max_size_mib * 1024 * 1024
    with progress(f"importing {path}", quiet=session_of(ctx).quiet) as note:
        bento = import_(bento_store(), path, skip_existing=skip_existing, max_size=limit, progress=note)
    if output == "table":
        click.echo(f"imported {bento.tag}")
        for model in bento.info.models:
            click.echo(f"with the model {model.tag}")
    else:
        echo_data(row(bento), output)
