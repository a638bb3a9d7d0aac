"""Write docs/cli.md from the commands themselves; `make docs` runs it, and a test says when it is stale.

In: the program, as `cli.main.build` makes it. Out: one Markdown page.
"""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from ekiben.cli.command import Command, SharedOption, VariableOption
from ekiben.cli.main import EKIBEN, build

PAGE = Path(__file__).with_name("cli.md")
HEAD = """\
# Command line

<!-- Written by docs/write_cli.py from the commands themselves: change their help, then run `make docs`. -->

`{program}` alone shows the way from a saved model to an answer; `{program} COMMAND --help` shows what stands here.
To ask a service from Python, see [clients](clients.md).
"""
SHARED = "Options of every command"
ENDS = """\
## Exit codes

| code | means |
| --- | --- |
| 0 | done; for `serve`, stopped by Ctrl-C or SIGTERM after the calls that ran had their answers |
| 1 | failed: `error: …` on stderr says what, `hint: …` what to do |
| 2 | wrong usage: an unknown command or option, a missing or wrong value |
| 130 | ended by Ctrl-C |
| 141 | the reader of a pipe has left, as in `{program} models list \\| head -1` |
"""


def write() -> str:
    """Give the page."""
    program = build()
    root = click.Context(program, info_name=EKIBEN.program, **program.context_settings)
    commands = list(walk(program, root))
    links = [f"- [{path(ctx)}](#{path(ctx).replace(' ', '-')}): {first_line(command)}" for command, ctx in commands]
    links += [f"- [{title}](#{title.lower().replace(' ', '-')})" for title in (SHARED, "Exit codes")]
    shared = [option for option in program.params if isinstance(option, SharedOption)]
    return "\n".join(
        [
            HEAD.format(program=EKIBEN.program),
            *links,
            *(section(command, ctx) for command, ctx in commands),
            f"\n## {SHARED}\n\nThey may stand before a command's name, too.\n\n{table(shared, root)}\n",
            ENDS.format(program=EKIBEN.program),
        ]
    )


def walk(group: click.Group, ctx: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    """Walk over the commands that do something, in the order of the help."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        below = click.Context(command, parent=ctx, info_name=name)
        if isinstance(command, click.Group):
            yield from walk(command, below)
        else:
            yield command, below


def path(ctx: click.Context) -> str:
    """Give the words that run a command, without its arguments."""
    names = []
    while ctx is not None:
        names.append(str(ctx.info_name))
        ctx = ctx.parent  # type: ignore[assignment]  # the root's is None, which ends the loop
    return " ".join(reversed(names))


def first_line(command: click.Command) -> str:
    """Give the first sentence of a command's help."""
    return (command.help or "").partition("\n")[0]


def section(command: click.Command, ctx: click.Context) -> str:
    """Describe one command."""
    usage = f"{path(ctx)} {' '.join(command.collect_usage_pieces(ctx))}"
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    own = [option for option in options if not isinstance(option, SharedOption)]
    words = [f"\n## {path(ctx)}\n", f"```sh\n{usage}\n```\n", f"{cleandoc(command.help or '')}\n"]
    words += [f"{table(own, ctx)}\n"] if own else []
    if isinstance(command, Command) and command.examples:
        lines = [f"# {what}\n{EKIBEN.program} {typed}" for typed, what in command.examples]
        words.append("```sh\n" + "\n".join(lines) + "\n```\n")
    return "\n".join(words).rstrip("\n")


def table(options: list[click.Option], ctx: click.Context) -> str:
    """Write a table of options."""
    rows = ["| option | means |", "| --- | --- |"]
    for option in options:
        names = ", ".join(f"`{name}`" for name in option.opts)
        metavar = "" if option.is_flag else f" `{option.make_metavar(ctx)}`"
        cells = [cell.replace("|", "\\|") for cell in (names + metavar, meaning(option, ctx))]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def meaning(option: click.Option, ctx: click.Context) -> str:
    """Give the help of an option, its default and its variables."""
    words = [option.help or ""]
    default = option.get_default(ctx)
    if option.show_default and default is not None:
        words.append(f"Default: `{default}`.")
    if isinstance(option, VariableOption):
        words.append(f"Variables: {', '.join(f'`{name}`' for name in option.names_of(EKIBEN))}.")
    return " ".join(words)


if __name__ == "__main__":
    PAGE.write_text(write())
