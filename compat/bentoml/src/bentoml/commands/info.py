"""`bentoml info` and `bentoml open-api-spec`: what is known of a bundle, as JSON."""

import json

import click

from bentoml.commands.listing import the_bundle
from ekiben.cli.command import Command


@click.command(cls=Command, examples=[("info IrisClassifier:latest", "APIs, artifacts, environment.")])
@click.argument("bento")
def info(bento: str) -> None:
    """Show what a bundle says of itself; nothing of it is run."""
    told = the_bundle(bento).info.to_plain()
    metadata = told["metadata"]
    shown = {
        "name": metadata["service_name"],
        "version": metadata["service_version"],
        "created_at": metadata["created_at"],
        "labels": metadata["labels"],
        "env": told["env"],
        "apis": told["apis"],
        "artifacts": told["artifacts"],
    }
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False, default=str))


@click.command("open-api-spec", cls=Command, examples=[("open-api-spec IrisClassifier:latest", "For a generator.")])
@click.argument("bento")
def open_api_spec(bento: str) -> None:
    """Show the OpenAPI document of a bundle, as its server would give it."""
    from bentoml.bundles.saving import api_document
    from bentoml.bundles.targets import bind_bundle

    click.echo(json.dumps(api_document(bind_bundle(the_bundle(bento))), indent=2, ensure_ascii=False))
