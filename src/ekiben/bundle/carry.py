"""Gather the wheels that travel with a bento.

In: what a project asks for by path or git, what is installed here from a folder, Ekiben itself. Out: wheels in a folder
of the caller, by the names that they stand for.

Ekiben travels as the wheel of what is running, so that a bento is served by what built it. So does a drop-in: a
distribution that bears another's name, with `+ekiben` behind its version.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from ekiben.bundle.git import fetch
from ekiben.bundle.indexes import VARIABLE
from ekiben.bundle.installed import find_distribution
from ekiben.bundle.requirements import Wanted
from ekiben.bundle.resolve import Pinned
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import (
    Carried,
    build_wheel,
    digest,
    holds_module,
    local_source,
    pack_distribution,
    read_wheel,
)
from ekiben.core.errors import ConfigError
from ekiben.core.front import EKIBEN

Tell = Callable[[str], None]


class Wheelhouse:
    """The wheels that travel, in one folder."""

    def __init__(self, folder: Path, environ: Mapping[str, str], tell: Tell) -> None:
        self.folder, self.environ, self.tell = folder, environ, tell
        self.carried: dict[str, Carried] = {}

    def brings(self, module: str) -> bool:
        """Say whether a wheel that travels holds a top-level module, by its dotted name."""
        top = module.partition(".")[0]
        return any(holds_module(each.wheel, top) for each in self.carried.values())

    def add_installed(self, name: str, why: str) -> Carried:
        """Make a wheel of what is installed under *name*."""
        found = self.carried.get(name)
        if found is None:
            wheel = pack_distribution(name, self.folder, self.environ)
            found = self._take(wheel, "as it is installed here")
            self.tell(f"{found.name} {found.version} travels as a wheel: {why}")
        return found

    def add_source(self, wanted: Wanted, context: Path) -> Carried:
        """Take the wheel that a path or a git address of the project gives."""
        if wanted.git is not None:
            return self._add_git(wanted)
        path = wanted.path or context
        shown = path.relative_to(context.resolve()).as_posix()
        if path.is_dir():
            found = self._take(build_wheel(path, self.folder, self.environ), f"built from {shown}")
        elif path.suffix == ".whl":
            found = self._take(Path(shutil.copyfile(path, self.folder / path.name)), f"copied from {shown}")
        else:
            raise ConfigError(f"{wanted.place} must be a wheel or a folder: {shown!r}", hint="`uv build --wheel`")
        if wanted.hashes and found.digest not in wanted.hashes:
            raise ConfigError(f"{wanted.place} must have the hash that is asked for, and has {found.digest}: {shown!r}")
        self.tell(f"{found.name} {found.version} travels as a wheel: {found.origin}")
        return found

    def _add_git(self, wanted: Wanted) -> Carried:
        address = VARIABLE.sub("****", wanted.git or "")
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            fetched = fetch(wanted.git or "", Path(scratch) / "repository", self.environ)
            wheel = build_wheel(fetched.folder, self.folder, self.environ)
        found = self._take(wheel, f"git+{address}, commit {fetched.commit}")
        self.tell(f"{found.name} {found.version} travels as a wheel: built from {found.origin}")
        return found

    def _take(self, wheel: Path, origin: str) -> Carried:
        found = read_wheel(wheel, origin)
        other = self.carried.get(found.name)
        if other is not None and other.digest != found.digest:
            raise ConfigError(f"`{found.name}` must travel once, and is given twice: {other.origin}, {found.origin}")
        self.carried[found.name] = found
        return found


def drop_ins() -> dict[str, str]:
    """List the installed distributions that stand in for another: version by name."""
    names = (each.name for entry in sys.path for each in Path(entry or ".").glob(f"*+{EKIBEN.distribution}.dist-info"))
    parts = (name.removesuffix(".dist-info").partition("-") for name in names)
    return {canonicalize_name(name): release for name, _, release in parts}


def installed_from_folders(names: Iterable[str]) -> list[str]:
    """List those of *names* that are installed from a folder: no index has them."""
    found = []
    for name in names:
        there = find_distribution(name)
        if there is not None and local_source(there) is not None:
            found.append(name)
    return found


def carry_links(pinned: Iterable[Pinned], folders: Iterable[Path], target: Target, wheels: Path) -> None:
    """Copy what was locked from folders of this machine.

    Args:
        pinned: the lock.
        folders: of `find_links`.
        target: wheels for other machines stay.
        wheels: where to.
    """
    locked = {(each.name, each.version): each.hashes for each in pinned if each.version and each.hashes}
    for place in (path for folder in folders for path in sorted(folder.iterdir())):
        try:
            name, release, _, tags = parse_wheel_filename(place.name)
        except InvalidWheelFilename:
            continue
        hashes = locked.get((name, str(release)), ())
        if hashes and tags & target.tags() and not (wheels / place.name).exists() and digest(place) in hashes:
            shutil.copyfile(place, wheels / place.name)
