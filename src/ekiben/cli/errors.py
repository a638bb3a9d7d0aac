"""Turn whatever ended a command into words and an exit code.

In: an exception. Out: `error: …`, an empty line, `hint: …` on stderr; 1 for a failure, 2 for wrong usage,
130 for Ctrl-C, 141 where the reader of a pipe has left (128 and the signal's number, as shells count).
"""

import contextlib
import os
import re
import sys
from pathlib import Path

import click

from ekiben.core.errors import EkibenError

LONG = 200  # letters of a path
FAILURE, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
PLACE = re.compile(r'^ *File "([^"]+)", line (\d+)', re.MULTILINE)
LONGEST = 500  # letters of a sentence


class Mistake(click.UsageError):
    """A command line that cannot be meant, with one thing to do about it."""

    def __init__(self, message: str, ctx: click.Context | None = None, *, hint: str | None = None) -> None:
        super().__init__(message, ctx)
        self.hint = hint


class Failure(Exception):
    """An end that needs no more than an exit code, since all was said."""

    def __init__(self, code: int = FAILURE) -> None:
        super().__init__(code)
        self.code = code


def report(error: BaseException, *, program: str, verbose: bool) -> int:
    """Say what went wrong, and give the exit code."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case Failure():
            return error.code
        case BrokenPipeError():
            return leave_pipe()
        case KeyboardInterrupt():
            return INTERRUPTED
        case click.Abort():
            click.echo(err=True)  # the cursor stands behind the question
            if isinstance(error.__context__, KeyboardInterrupt):
                return INTERRUPTED
            return say("nothing was confirmed", "add `--yes` where nobody can be asked")
        case click.ClickException():
            return say(*usage(error, program), code=error.exit_code)
    if verbose:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, EkibenError):
        return say(str(error), error.hint)
    from ekiben.core.trace import explain, frames

    said = explain(error)
    if isinstance(error, OSError) and error.filename is not None and not frames(error):  # not in the user's code
        said = f"cannot use {str(error.filename)[:LONG]!r}: {error.strerror or type(error).__name__}"
    return say(said, None if verbose else f"`{program} --verbose …` shows all of where it happened")


def sentence(error: BaseException) -> str:
    """Say in one line what went wrong, and at which place of the user's code."""
    from ekiben.core.trace import explain

    text = str(error) if isinstance(error, EkibenError | click.ClickException) else explain(error)
    said = " ".join(text.partition("\n\n")[0].split())
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]} …"
    places = PLACE.findall(text)
    return f"{said} ({Path(places[-1][0]).name}, line {places[-1][1]})" if places else said


def say(message: str, hint: str | None = None, *, code: int = FAILURE) -> int:
    """Write an error and its hint to stderr; give *code* back."""
    plain = bool(os.environ.get("NO_COLOR"))
    mark = "error:" if plain else click.style("error:", fg="red", bold=True)
    click.echo(f"{mark} {message}", err=True)
    if hint:
        mark = "hint:" if plain else click.style("hint:", fg="cyan", bold=True)
        click.echo(f"\n{mark} {hint}", err=True)
    return code


def usage(error: click.ClickException, program: str) -> tuple[str, str | None]:
    """Give click's words in our form, and a hint."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else program
    near: str | None = f"`{path} --help` shows what it takes"
    if isinstance(error, click.NoSuchOption):
        close = next(iter(error.possibilities or ()), None)
        return f"`{path}` has no option `{error.option_name}`", f"did you mean `{close}`?" if close else near
    message = error.format_message().rstrip(".").removesuffix(" range")  # "'x' is not a valid integer range"
    return message[:1].lower() + message[1:], getattr(error, "hint", None) or near


def leave_pipe() -> int:
    """Let Python flush what is left to nowhere, since nobody reads it any more.

    Source: the note on SIGPIPE in the documentation of Python's `signal`.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
