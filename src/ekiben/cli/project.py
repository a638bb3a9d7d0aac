"""Stand in the user's project: its folder is current and importable, and nothing is written into it.

In: a target, and the folder that an option names. Out: the target as seen from there.
Python would write `__pycache__` beside every module that is imported from the project; a loader that does not write
takes its place there. Installed libraries keep their caches, also those of an environment within the project.
Source: Python's import system, `sys.path_hooks`; `importlib.machinery`.
"""

import os
import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError

INSTALLED = frozenset({"site-packages", "dist-packages"})


class QuietLoader(SourceFileLoader):
    """Loads source, reads a cache that is there, and writes none."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write nothing."""


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
    if working_dir is None and is_project(target):
        working_dir, target = target, "."
    if working_dir is not None:
        os.chdir(working_dir)
    folder = str(Path.cwd())
    keep_clean(folder)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return target


def is_project(target: str) -> bool:
    """Say whether a target is a folder and cannot be anything else, such as a module or a model of that name."""
    return Path(target).is_dir() and (target.startswith((".", "~")) or "/" in target or os.sep in target)


def source_folder(target: str, working_dir: str | None) -> Path:
    """Say which folder holds the code of a target, before it is entered."""
    if working_dir is None and Path(target).is_dir():
        return Path(target).resolve()
    return Path(working_dir or ".").resolve()


def keep_clean(folder: str) -> None:
    """Let imports from below *folder* write no caches; asking twice changes nothing."""

    def find(path: str) -> FileFinder:
        below = os.path.abspath(path)
        if os.path.commonpath([below, folder]) != folder or not INSTALLED.isdisjoint(Path(below).parts):
            raise ImportError(f"not below {folder}: {path}")
        return FileFinder(
            path,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (QuietLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    sys.path_hooks.insert(0, find)
    for path in [path for path in sys.path_importer_cache if path.startswith(folder)]:
        del sys.path_importer_cache[path]
