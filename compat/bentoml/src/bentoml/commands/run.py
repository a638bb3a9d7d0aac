"""`bentoml run BENTO API`: offline inference with a bundle; for all else `run` is Ekiben's."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bentoml.commands.either import Either
from ekiben.cli.command import Command
from ekiben.cli.errors import Failure, Mistake
from ekiben.cli.errors import say as say_error
from ekiben.cli.run import run as native
from ekiben.core.paths import disk_errors

if TYPE_CHECKING:
    from bentoml.bundles.tasks import InferenceResult


@click.command(
    "run",
    cls=Command,
    context_settings={"ignore_unknown_options": True},
    examples=[
        ("run IrisClassifier:latest predict --input '[[5.1, 3.5, 1.4, 0.2]]'", "One input; the answer goes to stdout."),
        ("run IrisClassifier:latest predict --input-file iris.csv", "The rows of a table."),
        ("run Pets:latest name --input-file a.jpg b.jpg -o names.json", "A result for each file, into a file."),
    ],
)
@click.argument("bento")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[API] [--input X... | --input-file FILE...]")
@click.option(
    "-o", "--output", metavar="str|json|FILE", default="str", show_default=True, help="Form of each result, or a file."
)
@click.option("--max-batch-size", type=click.IntRange(1), metavar="ITEMS", help="Items of a batch at most.")
@click.pass_context
def run_bundle(
    ctx: click.Context, /, bento: str, words: tuple[str, ...], output: str, max_batch_size: int | None
) -> None:
    """Run the inference API of the bundle BENTO over inputs, without a server.

    Inputs are what the API's adapter reads: `--input` a text, `--input-file` a file, several of each; an adapter with
    several inputs has `--input-NAME` and `--input-file-NAME`. A table is known by its ending, or by `--format csv`.
    Where an input fails, its error goes to stderr, and the exit code is 1, or what the service says.
    """  # fmt: skip
    from bentoml.bundles.offline import run
    from bentoml.bundles.targets import read

    bound = read(bento, Path.cwd())
    if bound is None:
        raise Mistake(f"`BENTO` names no bundle: {bento!r}", ctx)
    api = words[0] if words and not words[0].startswith("-") else None
    found: list[str] = []

    def show(result: "InferenceResult") -> None:
        if result.err_msg and result.data is None:
            say_error(result.err_msg)
        elif output == "str":
            click.echo(result.data)
        else:
            found.append(str(result.data))

    code = run(bound, api, words[0 if api is None else 1 :], show, max_batch_size)
    if output != "str":
        text = "\n".join(map(as_json, found))
        if output == "json":
            click.echo(text)
        else:
            with disk_errors(f"`--output` cannot be written: {output}", is_home=False):
                Path(output).write_text(text + "\n", "utf-8")
    sys.stdout.flush()
    if code:
        raise Failure(code)


def as_json(text: str) -> str:
    """Give a result as JSON: what is none becomes text."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(text, ensure_ascii=False)
    return text


run = Either(run_bundle, native)
