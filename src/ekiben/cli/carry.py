"""`ekiben models export` and `import`: carry models between stores."""

import click

from ekiben.cli.command import Command, complete_with
from ekiben.cli.models import row, tags
from ekiben.cli.output import echo_data, output_option, progress
from ekiben.cli.session import session_of

FORMATS = ("bentomodel", "tar", "gz", "xz", "bz2", "zst", "zip", "folder")


@click.command(
    "export",
    cls=Command,
    examples=[
        ("models export iris:latest", "Into this folder, as iris-VERSION.bentomodel."),
        ("models export iris:latest model/iris.tar.gz", "In the format that the ending says."),
        ("models export iris:latest s3://bucket/models/", "To any place that fsspec reaches."),
    ],
)
@click.argument("tag", shell_complete=complete_with(tags))
@click.argument("path", default=".", type=click.Path())
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Format, whatever the ending of PATH says.")
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def export_model(ctx: click.Context, tag: str, path: str, form: str | None, output: str) -> None:
    """Write the model TAG to PATH: a file, a folder or a URL.

    What is there is replaced as a whole. The same model gives the same bytes, wherever and whenever it is exported.
    """
    from ekiben.frameworks.api import model_store

    model = model_store().get(tag)
    with progress(f"exporting {model.tag}", quiet=session_of(ctx).quiet) as note:
        place = model.export(path, output_format=form, progress=note)
    if output == "table":
        click.echo(f"exported {model.tag} to {place}")
    else:
        echo_data({**row(model), "path": place}, output)


@click.command(
    "import",
    cls=Command,
    examples=[
        ("models import iris-gs7zezdrmykydlka.bentomodel", "An exported model, under the tag that it has."),
        ("models import https://example.org/iris.tar.gz", "From any place that fsspec reaches."),
        ("models import model/iris.bentomodel --skip-existing", "In a script that may run twice."),
    ],
)
@click.argument("path", type=click.Path())
@click.option("--skip-existing", is_flag=True, help="Be content with the same model under the same tag.")
@click.option(
    "--max-size-mib", type=click.IntRange(1), help="Refuse what unpacks to more.  [default: 1024, or 200 times PATH]"
)
@output_option("table", "json", "yaml", default="table")
@click.pass_context
def import_model(ctx: click.Context, path: str, skip_existing: bool, max_size_mib: int | None, output: str) -> None:
    """Put the exported model at PATH into the store, under the tag inside it.

    PATH is a file, a folder or a URL. What is damaged, or would write outside its folder, changes nothing; nothing is
    unpickled.
    """
    from ekiben.frameworks.api import model_store
    from ekiben.store.imports import import_item

    limit = None if max_size_mib is None else max_size_mib * 1024 * 1024
    with progress(f"importing {path}", quiet=session_of(ctx).quiet) as note:
        model = import_item(model_store(), path, skip_existing=skip_existing, max_size=limit, progress=note)
    if output == "table":
        click.echo(f"imported {model.tag}")
    else:
        echo_data(row(model), output)
