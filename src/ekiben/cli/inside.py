"""Serve a bento inside its own environment.

In: the tag or folder of a bento, the words of the command line. Out: nothing: this process becomes the Python of that
environment, so signals, sockets and the exit code are its own. It is made first, where it is not there yet.
"""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ekiben.cli.session import session_of
from ekiben.core.errors import ConfigError
from ekiben.core.front import EKIBEN, front

if TYPE_CHECKING:
    from ekiben.store.bentos import Bento

OPTION = "--env"

log = logging.getLogger("ekiben")


def go_inside(ctx: click.Context, targets: Sequence[str], working_dir: str | None) -> NoReturn:
    """Become the server of the one target in its environment.

    Raises:
        ConfigError: there are several targets, the one is no bento, or its environment cannot be made here.
        MissingLibrary: uv is not installed.
    """
    from ekiben.bundle.environment import make_environment, read_recipe

    if len(targets) > 1:
        raise ConfigError(f"`{OPTION}` serves one bento: {' '.join(targets)!r}", hint="serve each by itself")
    session = session_of(ctx)
    bento = find(targets[0] if targets else ".", Path(working_dir or "."))
    folder = bento.path / "env/python"
    show = not session.quiet and not session.json_logs and sys.stderr.isatty()
    platform = bento.info.environment.get("platform")
    python = make_environment(folder, platform=platform, tell=log.info, show=show, keep=True)
    by = session.front
    module = by.module if by.distribution in read_recipe(folder).names else EKIBEN.distribution
    words = [str(python), "-P", "-m", module, *outright(without(session.words), ctx.command, targets, bento)]
    log.info("serving %s with %s", bento.tag, python)
    sys.stdout.flush()
    sys.stderr.flush()
    become(python, words)


def find(target: str, folder: Path) -> "Bento":
    """Find the bento that a target names, as `serve` does."""
    from ekiben.services.bento import bento_at, find_bento
    from ekiben.store.bentos import bento_store

    kind, _, rest = target.partition(":")
    if kind == "bento" and rest:
        return bento_store().get(rest)
    found = bento_at(folder / target) or find_bento(target)
    if found is None:
        raise ConfigError(
            f"`{OPTION}` needs a bento, which has an environment of its own: {target!r}",
            hint=f"build one with `{front().program} build`, or leave the option out",
        )
    return found


def without(words: Sequence[str]) -> list[str]:
    """Give the words of the command line without the option that leads here."""
    return [word for word in words if word != OPTION]


def outright(words: Sequence[str], command: click.Command, targets: Sequence[str], bento: "Bento") -> list[str]:
    """Give the words with `bento:` before a bare tag.

    Inside, the tag alone could mean a model or a module as well.
    """
    options = [param for param in command.params if isinstance(param, click.Option) and not param.is_flag]
    taking = {name for option in options for name in option.opts}
    if not targets or targets[0] not in (bento.tag.name, str(bento.tag), f"{bento.tag.name}:latest"):
        return list(words)
    before = ["", *words[:-1]]
    return [
        f"bento:{word}" if word == targets[0] and last not in taking else word
        for last, word in zip(before, words, strict=True)
    ]


def become(python: Path, words: Sequence[str], execute: Callable[..., NoReturn] = os.execve) -> NoReturn:
    """Replace this process, which keeps its number and whoever waits for it."""
    from ekiben.bundle.environment import child_environ

    execute(python, list(words), child_environ(python))
