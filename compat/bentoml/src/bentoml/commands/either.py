"""Let one command do its work for bundles of 0.13, and for all else what it does anyway.

In: two commands and the words that were typed. Out: the one that they are for: ours if the first or second word that is
no option names a bundle.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from ekiben.cli.command import path_of
from ekiben.cli.fitting import fit
from ekiben.cli.session import session_of
from ekiben.core.front import enter
from ekiben.core.paths import use_home

FIRST = 2  # words that may name a bundle


class Either(click.Command):
    """A command that is one of two."""

    def __init__(self, ours: click.Command, native: click.Command) -> None:
        super().__init__(native.name, params=native.params, help=native.help, short_help=native.short_help)
        self.ours, self.native = ours, native

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Choose, and make the context of the chosen one."""
        chosen = self.native
        if parent is not None:
            chosen = self.ours if is_for_bundle(parent, args) else self.native
            chosen = fit(chosen, path_of(parent, info_name or ""), session_of(parent).front)
        return chosen.make_context(info_name, args, parent=parent, **extra)


def is_for_bundle(parent: click.Context, args: Sequence[str]) -> bool:
    """Say whether words name a bundle; raises what says that a tag of one is nowhere."""
    from bentoml.bundles.targets import is_bundle

    session = session_of(parent)
    given = home_in(args) or session.home
    words = [word for word in args if not word.startswith("-")]
    with enter(session.front), nullcontext() if given is None else use_home(given):
        return any(is_bundle(word, Path.cwd()) for word in words[:FIRST])


def home_in(args: Sequence[str]) -> str | None:
    """Give the folder of `--home`, wherever it stands."""
    for word, after in zip(args, [*args, ""][1:], strict=True):
        if word == "--home":
            return after
        if word.startswith("--home="):
            return word.partition("=")[2]
    return None
