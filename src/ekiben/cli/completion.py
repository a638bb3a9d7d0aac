"""`ekiben completion`: the script that lets a shell complete words."""

import click
from click.shell_completion import get_completion_class

from ekiben.cli.command import Command, session_of


@click.command(
    cls=Command,
    examples=[
        ("completion bash >> ~/.bashrc", "Bash, from the next start on."),
        ("completion zsh >> ~/.zshrc", "Zsh."),
        ("completion fish > ~/.config/fish/completions/ekiben.fish", "Fish."),
    ],
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands, options and tags in SHELL."""
    from ekiben.cli.main import completing

    front = session_of(ctx).front
    maker = get_completion_class(shell)
    assert maker is not None, "the choices above are click's own"
    click.echo(maker(ctx.find_root().command, {}, front.program, completing(front)).source())
