"""`ekiben models`: look at the store of models, and change it."""

import click

from ekiben.frameworks.api import model_store


@click.group()
def models() -> None:
    """List, show, delete, export and import models."""


@models.command("list")
@click.argument("name", required=False)
def list_models(name: str | None) -> None:
    """List models, newest first."""
    for model in model_store().list(name):
        click.echo(f" {model.tag}  {model.info.module}  {model.size}  {model.creation_time:%Y-%m-%d %H:%M:%S}")
