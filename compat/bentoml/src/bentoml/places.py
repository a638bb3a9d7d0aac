"""Read where something is exported to or imported from, as BentoML is told it.

In: a path or a URL, and beside it protocol, user, password, parameters and a path below. Out: one URL or path, and
the options of its file system for fsspec.
"""

import os
from collections.abc import Mapping
from typing import Any

from bentoml.words import say
from ekiben.core.errors import InvalidInput

LOCAL = ("file", "local", "osfs")  # names of this machine's own files, old ones too
ARCHIVES = ("tar", "zip")  # schemes of the older file systems, which named an archive of this machine
BESIDE = ("protocol", "user", "passwd", "params", "subpath")
FORMATS = ("bento", "bentomodel", "bz2", "folder", "gz", "tar", "xz", "zip", "zst")


def read_place(
    path: str | os.PathLike[str],
    protocol: str | None = None,
    user: str | None = None,
    passwd: str | None = None,
    params: Mapping[str, Any] | None = None,
    subpath: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """Give the URL or path, and the options of its file system.

    Raises:
        InvalidInput: the protocol is said twice, or leads nowhere.
    """
    place = os.fspath(path)
    scheme, has_scheme, rest = place.partition("://")
    if has_scheme and protocol is not None:
        raise InvalidInput(f"`protocol` must be left out where the path has one: {protocol!r} beside {place!r}")
    if not has_scheme:
        scheme, rest = protocol or "", place
    if scheme in (*LOCAL, *ARCHIVES, ""):
        if user is not None or passwd is not None or params:
            raise InvalidInput(f"`user`, `passwd` and `params` are for a URL, and this is a path: {place!r}")
        place = rest
    else:
        place = f"{scheme}://{rest.lstrip('/')}"
    if subpath:
        place = f"{place.rstrip('/')}/{subpath.lstrip('/')}"
    login = {"username": user, "password": passwd}
    return place, {**(params or {}), **{key: value for key, value in login.items() if value is not None}}


def take_place(path: str | os.PathLike[str], beside: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take out of keywords what says where; give what `read_place` does."""
    return read_place(path, **{key: beside.pop(key) for key in BESIDE if key in beside})


def check_format(given: str | None) -> None:
    """Say that what is imported tells its format itself.

    Raises:
        InvalidInput: there is no such format.
    """
    if given is None:
        return
    if given not in FORMATS:
        raise InvalidInput(f"`input_format` must be one of {', '.join(FORMATS)}: {given!r}")
    say(f"`input_format={given!r}` changes nothing: the format is told from the content")
