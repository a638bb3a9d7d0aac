"""Keep names for registries, so that `push` and `pull` need not be told where.

In: a name and a place. Out: `<home>/remotes/<name>.yaml`, and `<home>/remotes/default`. No secret stands there; who we
are at a registry is Docker's file to say.
"""

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core.errors import AlreadyExists, CorruptItem, InvalidInput, NotFound, StoreError
from ekiben.core.front import front
from ekiben.core.paths import disk_errors, home, make_folder, make_home, write_whole
from ekiben.store.document import read_document, write_document
from ekiben.store.remotes.oci.places import Place, parse_place

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
_DEFAULT = "default"  # the file beside the remotes; no remote can have this name
_TAKEN = (_DEFAULT, "localhost")


@dataclass(frozen=True, slots=True)
class Remote:
    """A registry by a name."""

    name: str
    registry: str  # as it was written: `registry.example.com/team`
    plain_http: bool = False
    ca_file: str | None = None
    is_default: bool = False

    @property
    def place(self) -> Place:
        """Where it is."""
        return parse_place(self.registry, plain_http=self.plain_http, ca_file=self.ca_file)


def add_remote(
    name: str, registry: str, *, plain_http: bool = False, ca_file: str | os.PathLike[str] | None = None
) -> Remote:
    """Name a registry; the first one becomes the default.

    Raises:
        InvalidInput: the name or the registry is none.
        AlreadyExists: the name is taken.
        StoreError: the home cannot be written.
    """
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise InvalidInput(f"`name` must be of a-z 0-9 - _, and not {' or '.join(_TAKEN)}: {name!r}")
    whole = None if ca_file is None else os.path.abspath(os.path.expanduser(ca_file))
    remote = Remote(name, registry, plain_http, whole)
    told = str(remote.place)  # which refuses what is no registry
    if whole is not None and not os.path.isfile(whole):
        raise InvalidInput(f"`ca_file` must be a file of certificates: {str(ca_file)!r}")
    path = _folder() / f"{name}.yaml"
    make_home(home())
    make_folder(path.parent)
    if path.exists():
        raise AlreadyExists(
            f"there is a remote {name!r} already", hint=f"remove it first: `{front().program} remote remove {name}`"
        )
    plain: dict[str, Any] = {"registry": registry.rstrip("/") if "://" in registry else told}
    if plain_http:
        plain["plain_http"] = True
    if whole is not None:
        plain["ca_file"] = whole
    write_whole(path, write_document(plain))
    if _default() is None:
        write_whole(_folder() / _DEFAULT, name.encode())
    return _read(name)


def list_remotes() -> list[Remote]:
    """List the remotes by name."""
    return [_read(name) for name in _names()]


def get_remote(name: str) -> Remote:
    """Find a remote by its name.

    Raises:
        NotFound: there is none; the error says which are near.
        StoreError: its file cannot be read.
    """
    names = _names()
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else _advise(names)
        raise NotFound(f"there is no remote {name!r} in {_folder()}", hint=hint)
    return _read(name)


def remove_remote(name: str) -> Remote:
    """Forget a remote; if it was the default, no other takes its place.

    Raises:
        NotFound: there is none of this name.
    """
    remote = get_remote(name)
    with disk_errors(f"cannot remove {name}"):
        (_folder() / f"{name}.yaml").unlink(missing_ok=True)
        if remote.is_default:
            (_folder() / _DEFAULT).unlink(missing_ok=True)
    return remote


def set_default(name: str) -> Remote:
    """Make a remote the one that is meant where none is named.

    Raises:
        NotFound: there is none of this name.
    """
    get_remote(name)
    write_whole(_folder() / _DEFAULT, name.encode())
    return _read(name)


def default_remote() -> Remote:
    """Give the remote that is meant where none is named.

    Raises:
        NotFound: there is no default.
    """
    name = _default()
    if name is None:
        raise NotFound("no registry is named, and no remote is the default", hint=_advise(_names()))
    return _read(name)


def find_place(
    registry: str | None = None, *, plain_http: bool = False, ca_file: str | os.PathLike[str] | None = None
) -> Place:
    """Say which registry is meant.

    Args:
        registry: the name of a remote, or a place such as `localhost:5000/team`; None is the default remote.
        plain_http: allow plain HTTP to another machine.
        ca_file: certificates to trust besides the system's.

    Raises:
        NotFound: there is no such remote, or no default.
        InvalidInput: it is no registry.
    """
    certificates = None if ca_file is None else os.path.expanduser(os.fspath(ca_file))
    name = default_remote().name if registry is None else registry
    if _NAME.fullmatch(name) and name not in _TAKEN:
        remote = get_remote(name)
        return parse_place(
            remote.registry,
            plain_http=plain_http or remote.plain_http,
            ca_file=certificates or remote.ca_file,
        )
    return parse_place(name, plain_http=plain_http, ca_file=certificates)


def _advise(names: Sequence[str]) -> str:
    if names:
        return f"there is {', '.join(names[:5])}; a place is written `host:port/team`, or `host.name/team`"
    return f"name one: `{front().program} remote add NAME registry.example.com/team`"


def _folder() -> Path:
    return home() / "remotes"


def _names() -> list[str]:
    try:
        return sorted(path.stem for path in _folder().glob("*.yaml") if _NAME.fullmatch(path.stem))
    except OSError as error:
        raise StoreError(f"cannot read {_folder()}: {error.strerror or error}") from error


def _default() -> str | None:
    try:
        name = (_folder() / _DEFAULT).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in _names() else None


def _read(name: str) -> Remote:
    path = _folder() / f"{name}.yaml"
    plain = read_document(path)
    registry, plain_http, ca_file = (plain.get(key) for key in ("registry", "plain_http", "ca_file"))
    is_good = isinstance(registry, str) and isinstance(plain_http, bool | None) and isinstance(ca_file, str | None)
    if not is_good or not plain.keys() <= {"registry", "plain_http", "ca_file"}:
        raise CorruptItem(f"{path} must hold `registry`, and may hold `plain_http` and `ca_file`")
    return Remote(name, str(registry), bool(plain_http), ca_file, name == _default())
