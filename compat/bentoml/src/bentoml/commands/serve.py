"""`bentoml serve` and `bentoml serve-gunicorn`: Ekiben's `serve`, with the options of 0.13 for bundles.

In: the options of both. Out: the server; limits of batches go to it, and to the processes it starts, by the variables
that 0.13 had for them.
"""

import os
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import click

from bentoml.front import FRONT, STYLE_OF_BUNDLES
from ekiben.cli.command import Command
from ekiben.cli.errors import Mistake
from ekiben.cli.serve import serve as native

OURS = {"mb_max_batch_size": "BENTOML_MB_MAX_BATCH_SIZE", "mb_max_latency": "BENTOML_MB_MAX_LATENCY"}


def options() -> list[click.Parameter]:
    """Make the options that only bundles know."""
    whole = click.IntRange(1)
    return [
        click.Option(["--mb-max-batch-size"], type=whole, metavar="ITEMS", help="Of a bundle: items of a batch."),
        click.Option(["--mb-max-latency"], type=whole, metavar="MS", help="Of a bundle: time for a call."),
    ]


def with_bundles(command: click.Command, name: str, more: Sequence[click.Parameter]) -> click.Command:
    """Give a command the options of bundles."""
    made = copy(command)
    inner: Any = command.callback
    made.name, made.params = name, [*command.params, *more]

    def call(**given: Any) -> Any:
        limits = {key: given.pop(key) for key in OURS}
        told = [key for key, value in limits.items() if value is not None]
        if told:
            check_bundles(given["targets"], given["working_dir"], told[0])
        for key in told:
            os.environ[OURS[key]] = str(limits[key])
        return inner(**given)

    made.callback = call
    return made


def check_bundles(targets: Sequence[str], working_dir: str | None, option: str) -> None:
    """Refuse a limit of batches for what is no bundle; raises Mistake."""
    from bentoml.bundles.targets import is_bundle

    for target in targets or (".",):
        if not is_bundle(target, Path(working_dir or ".").absolute()):
            shown = f"--{option.replace('_', '-')}"
            raise Mistake(
                f"`{shown}` is for bundles of 0.13: {target!r}", click.get_current_context(), hint="say it in `@api`"
            )


def production() -> click.Command:
    """Make `serve-gunicorn`: the same, on the port of bundles."""
    made = with_bundles(native, "serve-gunicorn", options())
    params = {param.name: param for param in made.params}
    host, port = copy(params["host"]), copy(params["port"])
    host.default, port.default = FRONT.host, STYLE_OF_BUNDLES.default_port
    made.params = [*(params | {"host": host, "port": port}).values()]
    if isinstance(made, Command):
        made.examples = (
            ("serve-gunicorn IrisClassifier:latest -w 2", "A bundle, with two processes."),
            ("serve-gunicorn IrisClassifier:latest --mb-max-batch-size 64", "With smaller batches."),
        )
    made.help = "Serve the bundle TARGET for production until Ctrl-C: `serve`, under the name that it had in 0.13."
    return made


serve = with_bundles(native, "serve", options())
serve_gunicorn = production()
