"""Import from a folder without writing into it.

In: a folder. Out: imports from below it that leave no `__pycache__` there, from now on. Installed libraries keep their
caches, as they would start slowly without; also those of an environment that lies in the folder.
Source: Python's import system, `sys.path_hooks` and `importlib.machinery`.
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

INSTALLED = frozenset({"site-packages", "dist-packages"})

_folders: set[str] = set()


class QuietLoader(SourceFileLoader):
    """Loads source, reads a cache that is there, and writes none."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Write nothing."""


def keep_clean(folder: Path) -> None:
    """Let imports from below *folder* write no caches; asking twice changes nothing."""
    place = str(folder.resolve())
    if place in _folders:
        return
    if not _folders:
        sys.path_hooks.insert(0, find)
    _folders.add(place)
    for path in [path for path in sys.path_importer_cache if is_kept(path)]:
        del sys.path_importer_cache[path]


def find(path: str) -> FileFinder:
    """Give the finder of a folder that is kept clean; raises ImportError for others."""
    if not is_kept(path) or not os.path.isdir(path):  # an archive there has a finder of Python's own
        raise ImportError(f"not a folder that is kept clean: {path}")
    return FileFinder(
        path,
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (QuietLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )


def is_kept(path: str) -> bool:
    """Say whether *path* lies in a folder kept clean, and not among libraries."""
    place = os.path.realpath(path)
    below = any(place == folder or place.startswith(folder + os.sep) for folder in _folders)
    return below and INSTALLED.isdisjoint(Path(place).parts)
