"""`ekiben completion`: the script that lets a shell complete words.

In: a shell's name. Out: its script, by click's own machinery. Bash splits words at colons, so a tag such as `iris:v1`
would reach click in three pieces; ours hands over the line as it was typed.
Source: bash's manual, "Programmable Completion" (COMP_LINE, COMP_POINT, COMP_WORDBREAKS).
"""

import os
import shlex
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class, get_completion_class

from ekiben.cli.command import Command
from ekiben.cli.errors import Mistake
from ekiben.cli.session import session_of

BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response item
    response=$(env COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    COMPREPLY=()
    for item in $response; do
        case $item in
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
            plain,*) COMPREPLY+=("${item#plain,}") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashWithColons(BashComplete):
    """Bash's completion for words that hold colons."""

    source_template = BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Split the line up to the cursor into words, and the one that is being typed."""
        line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
        words = split(line)[1:]
        incomplete = words.pop() if words and not line[-1].isspace() else ""
        self._typed = incomplete.rpartition(":")[0] + ":" if ":" in incomplete else ""
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Leave out what stands before the last colon, since bash keeps it."""
        return f"{item.type},{str(item.value).removeprefix(self._typed)}"


def split(line: str) -> list[str]:
    """Split a line as a shell does, also within an open quotation."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def register() -> None:
    """Let click answer bash by `BashWithColons`."""
    add_completion_class(BashWithColons)


# Where each shell reads its script at its start.
FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}


@click.command(
    cls=Command,
    examples=[
        ("completion bash >> ~/.bashrc", "Bash, from the next start on."),
        ("completion zsh >> ~/.zshrc", "Zsh."),
        ("completion fish >> ~/.config/fish/config.fish", "Fish."),
    ],
)
@click.argument("shell", type=click.Choice([*FILES]), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the script that completes commands, options and tags in SHELL."""
    register()
    front = session_of(ctx).front
    if shell is None:
        lines = {each: f"{front.program} completion {each} >> {file}" for each, file in FILES.items()}
        shown = "\n".join(f"  {each:5} {line}" for each, line in lines.items())
        used = Path(os.environ.get("SHELL", "")).name
        raise Mistake(
            f"`SHELL` must be {', '.join([*FILES][:-1])} or {[*FILES][-1]}; the line to type for each:\n\n{shown}",
            ctx,
            hint=f"you use {used}: `{lines[used]}`" if used in lines else "the next start of the shell reads it",
        )
    maker = get_completion_class(shell)
    assert maker is not None, "the choices above are click's own"
    click.echo(maker(ctx.find_root().command, {}, front.program, front.completing).source())
