"""Stand in the user's project, and write nothing into it.

In: a target, and the folder that an option names. Out: the target as seen from there.
"""

import os
import sys
from pathlib import Path

from ekiben.core.errors import ConfigError
from ekiben.core.paths import STARTED_VARIABLE, started_in
from ekiben.services.bento import bento_at, find_bento
from ekiben.services.load import readings
from ekiben.services.quiet import keep_clean
from ekiben.store.bentos import Bento, bento_store


def enter(target: str, working_dir: str | None) -> str:
    """Make the project's folder the current one, and importable.

    Args:
        target: what is served; a folder is entered where no other is named.
        working_dir: the folder to enter.

    Returns:
        The target, as seen from there.

    Raises:
        ConfigError: *working_dir* is no folder.
    """
    if working_dir is not None and not Path(working_dir).is_dir():
        raise ConfigError(f"`--working-dir` must be a folder: {working_dir!r}")
    bento = None if working_dir is not None else only_bento(target)
    if bento is not None:
        return enter_bento(bento)
    if working_dir is None and is_folder(target):
        working_dir, target = target, "."
    if working_dir is not None:
        os.chdir(working_dir)
    keep_clean(Path.cwd())
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return target


def only_bento(target: str) -> Bento | None:
    """Give the bento that a target names, if it names nothing else."""
    kind, _, rest = target.partition(":")
    if kind == "bento" and rest:
        return bento_store().get(rest)
    found = bento_at(Path(target)) or find_bento(target)
    return found if found is not None and len(list(readings(target, Path.cwd()))) == 1 else None


def enter_bento(bento: Bento) -> str:
    """Stand in the code of a bento, from where nothing of the current folder is seen."""
    before = started_in()
    os.environ.setdefault(STARTED_VARIABLE, str(before))
    os.chdir(bento.source)
    sys.path[:] = [path for path in sys.path if path and Path(path).resolve() != before.resolve()]
    return str(bento.path.resolve())


def is_folder(target: str) -> bool:
    """Say whether a target is a folder, and not also a module or a stored model."""
    return Path(target).is_dir() and len(list(readings(target, Path.cwd()))) == 1


def source_folder(target: str, working_dir: str | None) -> Path:
    """Say which folder holds the code of a target, before it is entered."""
    if working_dir is None and Path(target).is_dir():
        return Path(target).resolve()
    return Path(working_dir or ".").resolve()
