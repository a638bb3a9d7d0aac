"""`ekiben run`: run an endpoint over files, without a server."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.arguments import argument_options, given
from ekiben.cli.command import Command
from ekiben.cli.errors import INTERRUPTED, Failure, Mistake, say
from ekiben.cli.serve import targets
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from ekiben.core.spec import BoundService
    from ekiben.tools.batch import endpoint as endpoints
    from ekiben.tools.batch import offline
    from ekiben.tools.batch.outputs import Dump, Output

SHOWN = 10  # failed rows that are shown, one a line
WIDE = 300  # letters of each


@click.command(
    cls=Command,
    examples=[
        ("run iris:latest predict --input '[[5.1, 3.5, 1.4, 0.2]]'", "One call; the answer goes to stdout."),
        ("run iris:latest predict --input-file flowers.csv -o species.csv", "A result for each row of a table."),
        ("run service:Flowers --input-file 'photos/*.jpg' -o names.jsonl", "One for each image."),
        ("run bento:iris predict --input-file rows.parquet --columns a,b -o out.parquet", "Of some columns."),
    ],
)
@click.argument("target", shell_complete=targets)
@click.argument("endpoint", required=False)
@click.option("--input", "body", metavar="JSON", help="Arguments of one call; with files, those that rows do not give.")
@click.option(
    "--input-file",
    "files",
    multiple=True,
    metavar="FILE",
    help="Rows, or a pattern in quotes: .csv, .tsv, .json, .jsonl, .npy, .parquet, images. May stand several times.",
)
@click.option("-o", "--output", metavar="FILE", help="Results: .csv, .json, .jsonl, .npy, .parquet. [default: stdout]")
@click.option("--batch-size", type=click.IntRange(1), metavar="ROWS", help="Rows of a batch. [default: the endpoint's]")
@click.option("--columns", metavar="NAME,NAME", help="Columns to use of tables, in this order. [default: all that fit]")
@click.option("--errors", metavar="FILE", help="Failed rows and their reasons, as .jsonl.")
@click.option(
    "--working-dir", type=click.Path(), metavar="FOLDER", help="Folder of the code; TARGET is seen from there."
)
@argument_options
@click.pass_context
def run(ctx: click.Context, /, target: str, endpoint: str | None, **options: Any) -> None:
    """Run ENDPOINT of TARGET over files, in batches, without a server.

    TARGET is whatever `serve` takes. ENDPOINT may be left out where there is one only.

    The n-th result is that of the n-th row. A row that fails is `null`, or empty, and is told with its reason; the exit
    code is 1 then.
    """
    began, folder = time.monotonic(), Path.cwd()
    ctx.with_resource(given(options))
    if options["body"] is None and not options["files"]:
        raise Mistake("there is nothing to run over", ctx, hint="name a file by --input-file, or give --input")
    for name in ("batch_size", "columns", "errors"):
        if not options["files"] and options[name] is not None:
            raise Mistake(f"`--{name.replace('_', '-')}` is for the rows of files", ctx, hint="give --input-file")
    from ekiben.tools.batch import endpoint as endpoints
    from ekiben.tools.batch import outputs

    if endpoint is not None and (folder / endpoint).is_file():
        raise Mistake(
            f"`ENDPOINT` is a file: {endpoint!r}", ctx, hint="write a pattern in quotes: --input-file '*.csv'"
        )
    output, errors = (place(options[name], folder, f"--{name}") for name in ("output", "errors"))
    found = endpoints.choose(load(target, options["working_dir"]), endpoint)
    dump = outputs.dump_of(found.bound.spec.style.nan_style)
    if not options["files"]:
        read_json(ctx, options["body"])
        call(found, options["body"], output, dump)
        return
    over(ctx, over_files(ctx, found, options, folder), (output, errors), dump, began)


def place(text: str | None, folder: Path, option: str) -> Path | None:
    """Say where a file is written; raises ConfigError for one that cannot be."""
    from ekiben.core.errors import ConfigError
    from ekiben.tools.batch import outfile

    if text is None:
        return None
    path = folder / text
    if option == "--errors" and path.suffix.lower() != ".jsonl":
        raise ConfigError(f"`--errors` must end in .jsonl: {text!r}")
    outfile.check(path, text, option)
    return path


def load(target: str, working_dir: str | None) -> "BoundService":
    """Load what is run, from the folder that holds its code."""
    from ekiben.cli.project import enter
    from ekiben.core.errors import ServiceLoadError
    from ekiben.services import load as loading

    seen = enter(target, working_dir)
    try:
        return loading.load(seen)
    except SystemExit as error:
        raise ServiceLoadError(f"`{target}` leaves the program while it is imported: {error!r}") from error


def call(endpoint: "endpoints.Endpoint", body: str, path: Path | None, dump: "Dump") -> None:
    """Make one call, and write its answer."""
    from ekiben.core.errors import ConfigError
    from ekiben.tools.batch import answers, outfile
    from ekiben.tools.batch import endpoint as endpoints

    answer = asyncio.run(endpoints.once(endpoint, body))
    with outfile.written(path, dump, is_one=True) as output:
        is_table = path is not None and path.suffix.lower() in outfile.TABLES
        parts = answers.parts(answer, 0) if is_table else None
        lost = output.write([answer] if parts is None else parts)
        if lost:
            raise ConfigError(next(iter(lost.values())))


def over_files(ctx: click.Context, endpoint: "endpoints.Endpoint", options: dict[str, Any], folder: Path) -> Any:
    """Find the files, and settle the run over them."""
    from ekiben.tools.batch import match, offline, sources

    fixed = read_fixed(ctx, options["body"])
    whole = match.takes_files(endpoint.signature, fixed)
    files = sources.find(options["files"], folder, whole=whole)
    for name in ("output", "errors"):
        if options[name] is not None and any((folder / options[name]).resolve() == f.path.resolve() for f in files):
            raise Mistake(f"`--{name}` must not be one of the files that are read: {options[name]!r}", ctx)
    columns = [name.strip() for name in options["columns"].split(",")] if options["columns"] else None
    return lambda note: offline.Offline(
        endpoint,
        files,
        offline.Ask(options["batch_size"], columns, fixed),
        note,
        lambda words: None if session_of(ctx).quiet else click.echo(words, err=True),
    )


def read_fixed(ctx: click.Context, body: str | None) -> dict[str, Any]:
    """Read the arguments that are the same for all rows; raises Mistake."""
    if body is None:
        return {}
    found = read_json(ctx, body)
    if not isinstance(found, dict):
        raise Mistake(
            f"`--input` beside files must be an object of arguments: {body[:60]!r}",
            ctx,
            hint="""write '{"threshold": 0.5}'""",
        )
    return found


def read_json(ctx: click.Context, body: str) -> Any:
    """Read `--input`; raises Mistake."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        hint = """write text in quotes of its own: '"text"'"""
        raise Mistake(f"`--input` must be JSON ({error}): {body[:60]!r}", ctx, hint=hint) from error


def over(
    ctx: click.Context,
    make: "Callable[[Callable[[offline.Failure], None]], offline.Offline]",
    paths: tuple[Path | None, Path | None],
    dump: "Dump",
    began: float,
) -> None:
    """Run over files, show how far it is, and say how it went."""
    from ekiben.tools.batch import outfile

    quiet = session_of(ctx).quiet
    shown: list[str] = []
    try:
        with ExitStack() as opened:
            output = opened.enter_context(outfile.written(paths[0], dump))
            listed: Output | None = opened.enter_context(outfile.written(paths[1], dump)) if paths[1] else None

            def note(failure: "offline.Failure") -> None:
                if len(shown) < SHOWN:
                    shown.append(str(failure))
                if listed is not None:
                    listed.write([{"file": failure.file, "row": failure.row, "reason": failure.reason}])

            made = make(note)
            progress = opened.enter_context(bar(quiet=quiet))
            asyncio.run(made.run(output, progress))
    except outfile.Interrupted as error:
        left = "nothing is left" if error.kept is None else f"what was written so far is in {error.kept.name}"
        say(f"stopped by Ctrl-C; {left}", code=INTERRUPTED)
        raise Failure(INTERRUPTED) from error
    tally, seconds = made.tally, time.monotonic() - began
    if not quiet:
        click.echo(f"{tally.rows:,} rows in {seconds:.1f} s", err=True)
    report(tally, shown, paths[1])


def report(tally: "offline.Tally", shown: list[str], listed: Path | None) -> None:
    """Say which rows failed; raises Failure where some did."""
    if not tally.failed and not tally.files:
        return
    for words in shown:
        line = words.splitlines()[0][:WIDE]
        click.echo(f"  {line}{'' if line == words else '…'}", err=True)
    more = tally.failed + tally.files - len(shown)
    if more > 0:
        click.echo(f"  … and {more:,} more", err=True)
    what = [f"{tally.failed:,} of {tally.rows:,} rows failed"] if tally.failed else []
    what += [f"{tally.files:,} {'file' if tally.files == 1 else 'files'} could not be read to the end"] * bool(
        tally.files
    )
    hint = None if listed is not None or more <= 0 else "`--errors FILE.jsonl` lists them all"
    raise Failure(say("; ".join(what), hint))


@contextmanager
def bar(*, quiet: bool) -> "Iterator[Callable[[offline.Tally], None]]":
    """Show on a terminal how far a run is, and give what moves it."""
    if quiet or not sys.stderr.isatty():
        yield lambda tally: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    told = TextColumn("{task.fields[rows]:,} rows")
    with Progress(
        BarColumn(), TaskProgressColumn(), told, TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as shown:
        task = shown.add_task("", total=None, rows=0)
        yield lambda tally: shown.update(task, completed=tally.done, total=tally.total, rows=tally.rows)
