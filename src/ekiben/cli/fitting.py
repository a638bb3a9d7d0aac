"""Fit commands to the front end by which they were entered.

In: a command, its path (`models push`), a front. Out: the same command with the front's own spellings, with options of
the original that change nothing here or are refused with a reason, and with those that go to a container engine.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ekiben.cli.errors import Mistake
from ekiben.cli.front import FrontEnd
from ekiben.cli.session import session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Fitted = TypeVar("Fitted", bound=click.Command)

VALUE = "="  # behind a name: the option takes a value
BETWEEN = "/"  # between the names of one option


def fit(command: Fitted, path: str, front: FrontEnd) -> Fitted:
    """Give *command* as *front* has it; the command itself stays as it is."""
    more: list[click.Parameter] = []
    spellings: dict[str, Sequence[str]] = {}
    for place in dict.fromkeys(("", path)):
        more += [IdleOption(name, why) for name, why in front.idle.get(place, {}).items()]
        more += [RefusedOption(name, why) for name, why in front.refused.get(place, {}).items() if " " not in name]
        more += [PassedOption(name) for name in front.passed.get(place, ())]
        spellings |= front.spelled.get(place, {})
    if not more and not spellings:
        return command
    known = {name for param in command.params for name in param.opts}
    fitted = copy(command)
    fitted.params = [spelled(param, spellings) for param in command.params]
    fitted.params += [param for param in more if not known & set(param.opts)]
    return fitted


def spelled(param: click.Parameter, spellings: Mapping[str, Sequence[str]]) -> click.Parameter:
    """Give an option with the names that a front has for it, before our own."""
    names = [other for name in param.opts for other in spellings.get(name, ())]
    if not names:
        return param
    found = copy(param)
    found.opts = [*(name for name in names if name.startswith("-")), *param.opts]
    variables = [name for name in names if not name.startswith("-")]
    if variables:
        found.plain = (*variables, *getattr(param, "plain", ()))  # type: ignore[attr-defined] # of VariableOption
    return found


def check_words(words: Sequence[str], refused: Mapping[str, str], ctx: click.Context) -> None:
    """Refuse an option with one value alone, `--env conda`.

    The option itself works otherwise.

    Raises:
        Mistake: it was typed.
    """
    pairs = {f"{option} {value}" for option, value in pairwise(words)}
    typed = pairs | {word.replace("=", " ", 1) for word in words if word.startswith("-")}
    for name, why in refused.items():
        if " " in name and name in typed and not ctx.resilient_parsing:
            raise Mistake(f"`{name}` is not supported: {why}", ctx, hint="leave it out")


class RefusedCommand(click.Command):
    """A command of another program that is not there, whatever stands behind it.

    Args:
        name: as typed.
        why: there is none; the end of a sentence.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, add_help_option=False, hidden=True)
        self.why = why

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse; raises Mistake."""
        if ctx.resilient_parsing:
            return args
        program = ctx.find_root().command_path
        raise Mistake(
            f"`{ctx.command_path}` is not supported: {self.why}", ctx, hint=f"`{program} --help` lists what there is"
        )


class ForeignOption(click.Option):
    """An option of another program.

    It may take a value, and may stand several times.

    Args:
        name: as typed, `--production`; `-t/--threads=` for one with a value and two names.
        settings: click's.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        valued = name.endswith(VALUE)
        kind: dict[str, Any] = {"multiple": True} if valued else {"is_flag": True}
        names = name.removesuffix(VALUE).split(BETWEEN)
        super().__init__(names, expose_value=False, callback=self._heed, **kind, **settings)

    def _heed(self, ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value and not ctx.resilient_parsing:
            self.heed(ctx, value)

    def heed(self, ctx: click.Context, value: Any) -> None:
        """Do what the option does, once it was given."""


class IdleOption(ForeignOption):
    """An option that is taken and changes nothing here.

    Args:
        name: as `ForeignOption` takes it.
        why: it changes nothing; the end of a sentence.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, help=f"Changes nothing: {why}.")
        self.why = why

    def heed(self, ctx: click.Context, value: Any) -> None:
        """Say that it changes nothing; processes that we start do not get it."""
        session = session_of(ctx)
        session.words = list(without(session.words, self.opts, is_valued=not self.is_flag))
        hint = f"{self.opts[-1]} changes nothing: {self.why}"
        if hint not in session.hints:
            session.hints.append(hint)


class RefusedOption(ForeignOption):
    """An option that is refused with the reason.

    Args:
        name: as `ForeignOption` takes it.
        why: it is refused; the end of a sentence.
    """

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, hidden=True)
        self.why = why

    def heed(self, ctx: click.Context, value: Any) -> None:
        """Refuse; raises Mistake."""
        raise Mistake(f"`{self.opts[-1]}` is not supported: {self.why}", ctx, hint="leave it out")


class PassedOption(ForeignOption):
    """An option with a value that a container engine is told as it is, as by `--opt`."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help="Told to the engine as it is.")

    def heed(self, ctx: click.Context, value: Any) -> None:
        """Note it for the engine."""
        name = self.opts[-1].removeprefix("--")
        session_of(ctx).passed += [name] if self.is_flag else [f"{name}={each}" for each in value]


def without(words: Sequence[str], names: Sequence[str], *, is_valued: bool) -> "Iterator[str]":
    """Give the words without an option, and without its value where it has one."""
    waiting = iter(words)
    for word in waiting:
        if word in names:
            if is_valued:
                next(waiting, None)
        elif not (is_valued and word.partition("=")[0] in names):
            yield word
