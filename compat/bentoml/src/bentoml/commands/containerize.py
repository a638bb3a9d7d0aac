"""`bentoml containerize` for bundles of 0.13; for bentos it is Ekiben's.

In: the same options. Out: an image that serves on port 5000, and takes options alone: `docker run NAME --workers=2`.
"""

from copy import copy
from typing import Any

import click

from bentoml.commands.either import Either
from bentoml.commands.listing import the_bundle
from ekiben.cli.command import Command
from ekiben.cli.containerize import containerize as native


def for_bundles() -> click.Command:
    """Make the command for bundles: the same options, and those of 0.13."""
    made, inner = copy(native), native.callback

    def call(**given: Any) -> Any:
        from bentoml.bundles.images import BundleImage

        assert inner is not None  # it is a function's command
        return inner(**given | {"tag": BundleImage(the_bundle(given["tag"]))})

    made.callback = call
    made.help = """Make a container image of the bundle TAG.

    It holds the bundle and its packages, serves on port 5000 as a user without rights, and takes options of the server:
    `docker run -p 5000:5000 NAME:latest --workers=2`.
    """
    if isinstance(made, Command):
        made.examples = (("containerize IrisClassifier:latest -t iris-classifier", "An image, `:latest`."),)
    return made


containerize_bundle = for_bundles()
containerize = Either(containerize_bundle, native)
