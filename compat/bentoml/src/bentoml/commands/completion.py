"""`bentoml install-completion`: write the script of `bentoml completion` into a shell's own file."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from ekiben.cli.command import Command
from ekiben.cli.completion import register
from ekiben.cli.errors import Mistake
from ekiben.cli.session import session_of
from ekiben.core.paths import disk_errors

FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/bentoml.fish"}


@click.command(
    "install-completion",
    cls=Command,
    examples=[
        ("install-completion", "For the shell that you use."),
        ("install-completion zsh ~/.zprofile", "For zsh, in another file."),
    ],
)
@click.argument("shell", type=click.Choice([*FILES]), required=False)
@click.argument("path", type=click.Path(dir_okay=False), required=False)
@click.option("--append/--overwrite", "append", default=True, help="Write behind what is in the file, or in its place.")
@click.pass_context
def install_completion(ctx: click.Context, shell: str | None, path: str | None, append: bool) -> None:
    """Complete commands, options and tags in SHELL, from its next start on."""
    register()
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    maker = get_completion_class(chosen)
    if chosen not in FILES or maker is None:
        raise Mistake(f"`SHELL` must be one of {', '.join(FILES)}: {chosen!r}", ctx, hint="name it")
    front = session_of(ctx).front
    script = maker(ctx.find_root().command, {}, front.program, front.completing).source()
    place = Path(path or FILES[chosen]).expanduser()
    data = script.encode()
    with disk_errors(f"cannot write {place}", is_home=False):
        before = place.read_bytes() if append and place.is_file() else b""
        if data in before:
            click.echo(f"{chosen} completes `{front.program}` already, by {place}")
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("ab" if append else "wb") as file:  # what is there stays, whatever happens
            file.write(b"\n" + data if before else data)
    click.echo(f"{chosen} completes `{front.program}` from its next start on, by {place}")
