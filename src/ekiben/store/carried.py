"""Give a bento's code the models that it carries, whatever the store has since.

In: a bento's folder of code, and the models it was built with. Out: for whoever asks from that code, `latest` is what
it was at the build, and nothing else is there. Code that is not the bento's gets what the store has.

Whose code asks is told from the files of the functions that are running, so several bentos can share a process.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, NotFound
from ekiben.core.tag import Tag

VARIABLE = "EKIBEN_CARRIED"  # what a process hands to those that it starts


@dataclass(frozen=True, slots=True)
class Carried:
    """The models of one bento."""

    bento: Tag
    source: Path  # the folder of its code, with links resolved
    models: tuple[Tag, ...]  # exact, newest first
    aliases: Mapping[str, Tag] = field(default_factory=dict)
    root: Path | None = None  # the store that holds them; None: the one that is asked
    is_open: bool = False  # others are given, too: the bento is being built

    def find(self, wanted: Tag) -> Tag:
        """Say which of its models *wanted* is.

        Raises:
            NotFound: none; it would be another one tomorrow, or nowhere but here.
        """
        if wanted.name in self.aliases and not wanted.is_exact:
            return self.aliases[wanted.name]
        found = [tag for tag in self.models if tag.name == wanted.name]
        if wanted.is_exact:
            found = [tag for tag in found if tag == wanted]
        if not found and self.is_open:
            return wanted
        if not found:
            there = ", ".join(map(str, self.models)) or "no model"
            raise NotFound(
                f"the bento {self.bento} asks for the model {str(wanted)!r} and carries {there}",
                hint=f"write `{wanted.name}` under `models` of its bentofile, and build it again",
            )
        return found[0]


_carried: dict[str, Carried] = {}  # by the folder of the code, for this process
_acting: ContextVar[Carried | None] = ContextVar("ekiben_carried", default=None)
_noted: list[Tag] | None = None


def carry(models: Carried) -> None:
    """From now on, give a bento's code these models, here and in child processes."""
    _carried[str(models.source)] = models
    os.environ[VARIABLE] = json.dumps([_to_plain(each) for each in _carried.values()])


@contextmanager
def acting(models: Carried) -> Iterator[None]:
    """Ask for models in the name of a bento, for this block."""
    token = _acting.set(models)
    try:
        yield
    finally:
        _acting.reset(token)


def carried_by_caller() -> Carried | None:
    """Find the bento whose code is running, the innermost; None without one."""
    if not _carried and not _inherit():
        return None
    if _acting.get() is not None:
        return _acting.get()
    for file in _files(sys._getframe(1)):
        found = carried_for(file)
        if found is not None:
            return found
    return None


def carried_for(file: str) -> Carried | None:
    """Find the bento that a file of code belongs to."""
    for folder, models in _carried.items():
        if file.startswith(folder) and file[len(folder) : len(folder) + 1] in ("/", "\\"):
            return models
    return None


@contextmanager
def noted() -> Iterator[list[Tag]]:
    """Note the models that are asked for while the block runs, as exact tags."""
    global _noted
    before, _noted = _noted, []
    try:
        yield _noted
    finally:
        _noted = before


def note(tag: Tag) -> None:
    """Note that a model was given, if somebody wants to know."""
    if _noted is not None and tag not in _noted:
        _noted.append(tag)


def _files(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _inherit() -> bool:
    """Take over what the process that started this one carries, if anything."""
    try:
        for plain in json.loads(os.environ.get(VARIABLE) or "[]"):
            models = _from_plain(plain)
            _carried[str(models.source)] = models
    except (ValueError, TypeError, KeyError, InvalidInput) as error:
        raise ConfigError(f"`{VARIABLE}` is for processes of a server: {error}", hint=f"unset {VARIABLE}") from error
    return bool(_carried)


def _to_plain(models: Carried) -> dict[str, Any]:
    return {
        "bento": str(models.bento),
        "source": str(models.source),
        "models": [str(tag) for tag in models.models],
        "aliases": {name: str(tag) for name, tag in models.aliases.items()},
        "root": None if models.root is None else str(models.root),
        "is_open": models.is_open,
    }


def _from_plain(plain: Mapping[str, Any]) -> Carried:
    return Carried(
        bento=Tag.parse(plain["bento"]),
        source=Path(plain["source"]),
        models=tuple(Tag.parse(tag) for tag in plain["models"]),
        aliases={name: Tag.parse(tag) for name, tag in plain["aliases"].items()},
        root=None if plain["root"] is None else Path(plain["root"]),
        is_open=bool(plain["is_open"]),
    )
