"""Make wheels of installed distributions and of folders.

In: a distribution, or a folder with a pyproject.toml. Out: a wheel in a folder of the caller. The same content
gives the same bytes, whatever the clock, the machine and the compression library: entries are stored in order, with
one date.
Source: the binary distribution format of packaging.python.org (wheel 1.0), its RECORD; PEP 610 (direct_url.json).
"""

import base64
import csv
import functools
import hashlib
import io
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from ekiben.bundle.indexes import NO_INDEX
from ekiben.core.errors import ConfigError
from ekiben.core.uv import run_uv

DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can hold
EPOCH = "315532800"  # the same for build backends (reproducible-builds.org, SOURCE_DATE_EPOCH)
# Of an installation and not of the wheel that it came from.
INSTALLED = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_build.json", "uv_cache.json"})
UNREAD = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})  # folders that no wheel is made of
FILE_MODE, PROGRAM_MODE = 0o644, 0o755


@dataclass(frozen=True, slots=True)
class Carried:
    """A wheel that travels with a bento."""

    wheel: Path
    name: str  # in its normal form
    version: str
    requires: tuple[Requirement, ...]
    origin: str  # where it came from, for whoever reads the requirements

    def requirement(self, extras: Iterable[str] = ()) -> Requirement:
        """Give the requirement that this wheel alone meets."""
        chosen = ",".join(sorted(extras))
        return Requirement(f"{self.name}{f'[{chosen}]' if chosen else ''}=={self.version}")

    @property
    def digest(self) -> str:
        """The hash as a requirements file says it."""
        return digest(self.wheel)


def digest(file: Path) -> str:
    """Give the hash of a file as a requirements file says it."""
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def read_wheel(wheel: Path, origin: str) -> Carried:
    """Read the name, the version and the requirements of a wheel.

    Raises:
        ConfigError: it is not a wheel.
    """
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            [inner] = [each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each)]
            raw, _ = parse_email(archive.read(inner))
        requires = tuple(Requirement(line) for line in raw.get("requires_dist", ()))
        if canonicalize_name(raw.get("name", "")) != name:
            raise ValueError(f"it holds {raw.get('name')!r}")
    except (InvalidWheelFilename, InvalidRequirement, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f"`{wheel.name}` must be a wheel: {error}", hint="`uv build --wheel` makes one") from error
    return Carried(wheel, name, str(version), requires, origin)


def holds_module(wheel: Path, top: str) -> bool:
    """Say whether a wheel holds the top-level module or package *top*."""
    with zipfile.ZipFile(wheel) as archive:
        return any(re.match(rf"{re.escape(top)}(/|\.py$|\.[^/]*(so|pyd)$)", name) for name in archive.namelist())


def local_source(found: Distribution) -> Path | None:
    """Give the folder that a distribution was installed from, if any."""
    text = found.read_text("direct_url.json")
    if text is None:
        return None
    said = json.loads(text)
    address = urlsplit(said.get("url", ""))
    folder = Path(unquote(address.path))
    return folder if address.scheme == "file" and "dir_info" in said and folder.is_dir() else None


def is_editable(found: Distribution) -> bool:
    """Say whether a distribution's modules lie in the folder of its sources."""
    return bool(json.loads(found.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"))


def pack_distribution(name: str, folder: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Make a wheel of an installed distribution, of its sources if editable.

    Raises:
        ConfigError: it is not installed, a file of it is gone, or its sources cannot be built.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise ConfigError(f"`{name}` must be installed to travel with a bento, and is not") from error
    if is_editable(found):
        source = local_source(found)
        if source is None:
            raise ConfigError(f"`{name}` is installed from a folder that is gone: {found.read_text('direct_url.json')}")
        if not has_backend(source):
            return build_wheel(source, folder, environ)
        built, data = build_once(source, state_of(source))
        (folder / built).write_bytes(data)
        return folder / built
    return repack(found, folder)


@functools.lru_cache(maxsize=4)
def build_once(source: Path, state: str) -> tuple[str, bytes]:
    """Build the wheel of a folder, once in a process for each *state* of it."""
    with tempfile.TemporaryDirectory(prefix="ekiben-") as scratch:
        wheel = build_wheel(source, Path(scratch))
        return wheel.name, wheel.read_bytes()


def state_of(source: Path) -> str:
    """Name the state of the files in a folder, by their sizes and times."""
    found = hashlib.sha256()
    for folder, inner, names in os.walk(source):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name not in UNREAD)
        for path in (Path(folder, name) for name in sorted(names)):
            info = path.lstat()
            found.update(f"{path}\0{info.st_size}\0{info.st_mtime_ns}\n".encode())
    return found.hexdigest()


def repack(found: Distribution, folder: Path) -> Path:
    """Make the wheel again that a distribution was installed from."""
    listed = found.files
    if listed is None:
        raise ConfigError(f"`{found.name}` cannot travel: its installation has no RECORD", hint=_again(found.name))
    contents = {}
    for file in listed:
        path = file.as_posix()
        if path.startswith("../") or "__pycache__" in file.parts or _is_left_out(file.parts):
            continue
        place = Path(str(file.locate()))
        if not place.is_file():
            raise ConfigError(f"`{found.name}` cannot travel: {path} of it is gone", hint=_again(found.name))
        contents[path] = place.read_bytes()
    [info] = {path.partition("/")[0] for path in contents if re.fullmatch(r"[^/]+\.dist-info/WHEEL", path)} or {""}
    tags = re.findall(r"^Tag: (\S+)$", (found.read_text("WHEEL") or ""), re.MULTILINE)
    if not info or not tags:
        raise ConfigError(f"`{found.name}` cannot travel: it was not installed from a wheel", hint=_again(found.name))
    parts = [sorted({tag.split("-")[place] for tag in tags}) for place in range(3)]
    name = f"{info.removesuffix('.dist-info')}-{'-'.join('.'.join(part) for part in parts)}.whl"
    record = io.StringIO(newline="")
    rows = csv.writer(record, lineterminator="\n")
    for path, data in sorted(contents.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow((path, f"sha256={digest}", len(data)))
    rows.writerow((f"{info}/RECORD", "", ""))
    contents[f"{info}/RECORD"] = record.getvalue().encode()
    return _write(folder / name, contents)


def build_wheel(source: Path, folder: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Build the wheel of a folder with the backend that it names.

    Args:
        source: a folder with a pyproject.toml or a setup.py.
        folder: where the wheel goes.
        environ: variables for uv, which fetches the backend unless it is installed here.

    Raises:
        ConfigError: *source* has no such file, or its backend fails.
    """
    if not any((source / name).is_file() for name in ("pyproject.toml", "setup.py")):
        raise ConfigError(f"a local package must have a pyproject.toml, and this has none: {source.name}")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        out = Path(scratch)
        command = ["build", "--wheel", "--out-dir", scratch, str(source)]
        if has_backend(source):
            command += ["--no-build-isolation", "--python", sys.executable]
        variables = {**(os.environ if environ is None else environ), "SOURCE_DATE_EPOCH": EPOCH}
        if variables.get(NO_INDEX):
            command.append("--no-index")
        with left_clean(source):
            run_uv(command, why=f"building a wheel of {source.name}", cwd=out, environ=variables)
        built = list(out.glob("*.whl"))
        if len(built) != 1:
            raise ConfigError(f"building a wheel of {source.name} must give one wheel: {[each.name for each in built]}")
        return settle(built[0], folder)


@contextmanager
def left_clean(source: Path) -> Iterator[None]:
    """Take away what setuptools leaves beside the sources."""

    def leavings() -> set[Path]:
        return {source / "build", *source.glob("*.egg-info"), *source.glob("src/*.egg-info")}

    before = {path for path in leavings() if path.exists()}
    try:
        yield
    finally:
        for path in leavings() - before:
            shutil.rmtree(path, ignore_errors=True)


def has_backend(source: Path) -> bool:
    """Say whether what builds a folder is installed here, as its pyproject.toml asks."""
    file = source / "pyproject.toml"
    try:
        said = tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}
        needed = said.get("build-system", {}).get("requires", ["setuptools>=40.8", "wheel"])
        return all(_is_met(Requirement(line)) for line in needed)
    except (ValueError, AttributeError, TypeError):  # what is wrong with it, the backend says better
        return False


def settle(wheel: Path, folder: Path) -> Path:
    """Write a wheel into *folder* with its entries in order and without its dates."""
    with zipfile.ZipFile(wheel) as archive:
        entries = [each for each in archive.infolist() if not each.is_dir()]
        contents = {each.filename: archive.read(each) for each in entries}
        programs = {each.filename for each in entries if each.external_attr >> 16 & 0o111}
    return _write(folder / wheel.name, contents, programs)


def _write(place: Path, contents: Mapping[str, bytes], programs: Collection[str] = ()) -> Path:
    """Write a wheel whose bytes depend on its content alone; its metadata stands last."""
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(contents.items(), key=lambda item: (".dist-info/" in item[0], item[0])):
            entry = zipfile.ZipInfo(path, DATE)
            entry.create_system = 3  # Unix, so that the modes count
            entry.external_attr = (stat.S_IFREG | (PROGRAM_MODE if path in programs else FILE_MODE)) << 16
            archive.writestr(entry, data)
    return place


def _is_left_out(parts: tuple[str, ...]) -> bool:
    return len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in INSTALLED


def _is_met(requirement: Requirement) -> bool:
    if requirement.marker and not requirement.marker.evaluate():
        return True
    try:
        return requirement.specifier.contains(distribution(requirement.name).version, prereleases=True)
    except PackageNotFoundError:
        return False


def _again(name: str) -> str:
    return f"install it again: `pip install --force-reinstall --no-deps {name}`"
