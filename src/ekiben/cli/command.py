"""Make commands that share options, show examples, and are imported to be run.

In: a table of commands, or a function. Out: click commands.
"""

import importlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from ekiben.cli.errors import USAGE, Failure, Mistake
from ekiben.cli.fitting import RefusedCommand, check_words, fit
from ekiben.cli.front import Entry, FrontEnd
from ekiben.cli.session import Level, session_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


log = logging.getLogger("ekiben")


class SharedOption(click.Option):
    """An option that every command takes and that is written into the session."""

    def __init__(self, names: Sequence[str], **settings: Any) -> None:
        super().__init__(names, expose_value=False, callback=self._note, **settings)

    def _note(self, ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value not in (None, False):
            setattr(session_of(ctx), str(self.name), value)


def shared_options() -> list[click.Parameter]:
    """Make the options that stand before a command's name as well as after it."""
    return [
        SharedOption(["--home"], metavar="FOLDER", help="Folder of the stores, for this run."),
        SharedOption(["-q", "--quiet"], is_flag=True, help="Say errors only."),
        SharedOption(["--verbose", "--debug"], is_flag=True, help="Say more, and show tracebacks in full."),
        SharedOption(["--json-logs"], is_flag=True, help="Log as JSON, an object a line."),
    ]


OURS = "EKIBEN_"


class VariableOption(click.Option):
    """An option that may also come from environment variables of the front end.

    Args:
        names: as typed.
        variables: without the front end's prefix; the first that is set counts.
        plain: variables that have no prefix; asked last.
        settings: click's.
    """

    def __init__(
        self, names: Sequence[str], *, variables: Sequence[str], plain: Sequence[str] = (), **settings: Any
    ) -> None:
        super().__init__(names, **settings)
        self.variables, self.plain = tuple(variables), tuple(plain)

    def names_of(self, front: FrontEnd) -> list[str]:
        """List the environment variables in the order in which they are asked."""
        return [*map(front.variable, self.variables), *self.plain]

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """Read the first variable that is set and not empty."""
        names = self.names_of(session_of(ctx).front)
        return next((os.environ[name] for name in names if os.environ.get(name)), None)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Name the variables behind the help text."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        front = session_of(ctx).front
        ours = front.variable("").startswith(OURS)  # a drop-in's help speaks of the drop-in
        names = [name for name in self.names_of(front) if ours or not name.startswith(OURS)]
        return record[0], f"{record[1]}  [env: {', '.join(names)}]" if names else record[1]


class Command(click.Command):
    """A command with examples in its help and the shared options.

    Args:
        examples: command lines without the program's name, each with what it does.
        level: how much is logged where no option says it.
        settings: click's.
    """

    def __init__(
        self, *args: Any, examples: Sequence[tuple[str, str]] = (), level: Level = "warning", **settings: Any
    ) -> None:
        super().__init__(*args, **settings)
        self.examples, self.level = tuple(examples), level
        self.params += shared_options()

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command in its session."""
        session = session_of(ctx)
        with session.applied(self.level):
            for hint in session.hints:
                log.info(hint)
            return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the options."""
        write_examples(self.examples, session_of(ctx).front, formatter)
        super().format_epilog(ctx, formatter)


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it.

    Args:
        entries: the table, in the order in which it is shown.
        added_by: the group of entry points by which other distributions add commands.
        settings: click's.
    """

    def __init__(
        self, *args: Any, entries: Mapping[str, Entry] | None = None, added_by: str | None = None, **settings: Any
    ) -> None:
        super().__init__(*args, **{"callback": need_command, "invoke_without_command": True, **settings})
        self.entries, self.added_by = dict(entries or {}), added_by
        self.params += shared_options()

    @cached_property
    def added(self) -> Mapping[str, Entry]:
        """The commands that other distributions add, by their entry points."""
        return {} if self.added_by is None else plugins(self.added_by)

    def entry(self, name: str) -> Entry | None:
        """Find a command of the table, or an added one."""
        return self.entries.get(name) or self.added.get(name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names that are shown.

        Those that others add stand beside those of the table, which keep its order.
        """
        return [name for name, entry in {**self.added, **self.entries}.items() if not entry.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command *cmd_name*, and fit it to the front."""
        front = session_of(ctx).front
        entry = self.entry(cmd_name)
        if entry is None:
            return None
        if entry.refused is not None:
            return RefusedCommand(cmd_name, entry.refused)
        module, _, attribute = entry.path.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return fit(command, path_of(ctx, cmd_name), front)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that was typed; raises UsageError with the nearest name."""
        front = session_of(ctx).front
        name = front.aliases.get(path_of(ctx, args[0]), args[0]).rpartition(" ")[2]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, self.list_commands(ctx), 1, cutoff=0.5)
            hint = f"did you mean `{ctx.command_path} {near[0]}`?" if near else None
            raise Mistake(f"`{ctx.command_path}` has no command `{name}`", ctx, hint=hint)
        check_words(args[1:], front.refused.get(path_of(ctx, name), {}), ctx)
        return super().resolve_command(ctx, [name, *args[1:]])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the table's words, so that help imports none of them."""
        entries = {**self.added, **self.entries}
        rows = [(name, entries[name].summary) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete a command's name by the table, an option's by click."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        entries = {**self.added, **self.entries}
        names = self.list_commands(ctx)
        return [CompletionItem(name, help=entries[name].summary) for name in names if name.startswith(incomplete)]


def path_of(ctx: click.Context, name: str) -> str:
    """Give the words of a command below the program: `models push`."""
    words = [name]
    while ctx.parent is not None:  # the program's own name may be several words: `python -m ekiben`
        words.insert(0, ctx.info_name or "")
        ctx = ctx.parent
    return " ".join(words)


def plugins(group: str) -> dict[str, Entry]:
    """List the commands that distributions add by entry points of *group*.

    None of them is imported.
    """
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=group), key=lambda point: point.name)
    return {each.name: Entry(each.value, f"Added by {each.dist.name if each.dist else each.module}.") for each in found}


@click.pass_context
def need_command(ctx: click.Context) -> None:
    """Show the help where a command should have been named."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        raise Failure(USAGE)


def write_examples(examples: Sequence[tuple[str, str]], front: FrontEnd, formatter: click.HelpFormatter) -> None:
    """Write a section of command lines and what each does."""
    if examples:
        with formatter.section("Examples"):
            for words, what in examples:
                formatter.write_text(f"{front.program} {words}")
                with formatter.indentation():
                    formatter.write_text(what)


def complete_with(find: Callable[[str], Sequence[str]]) -> "Callable[..., list[CompletionItem]]":
    """Make a completer of *find*, which gives all words that begin as the given one."""

    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in find(incomplete)]

    return complete
