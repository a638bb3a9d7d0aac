"""Make the environment of a bento, once for each lock, and find it again.

In: the folder `env/python` of a bento. Out: the Python of an environment that has what was locked, with its hashes.

    <home>/environments/<digest>/venv        the environment
    <home>/environments/<digest>/files.json  its files and their sizes, by which damage is noticed
    <home>/environments/<digest>/held        locked by each process that runs in it

The digest is of the lock, the wheels that travel and the version of Python, so bentos with one lock share one
environment. One process makes it, others wait; a killed one leaves nothing half made.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from platform import machine

from ekiben.bundle.indexes import Indexes
from ekiben.bundle.lock import ASKED, LOCKED, VERSION, WHEELS
from ekiben.bundle.requirements import MAX_SIZE, read_file
from ekiben.bundle.target import Target, this_python
from ekiben.bundle.wheels import Carried, read_wheel
from ekiben.core.errors import ConfigError
from ekiben.core.paths import disk_errors, home, write_whole
from ekiben.core.uv import run_uv
from ekiben.store.staging import hold, is_held, stage, store_lock

Tell = Callable[[str], None]

FOLDER = "environments"  # in the home
VENV, FILES = "venv", "files.json"
PYTHON = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")
HELD = "held"
USED = "used"  # its time is when the environment was last wanted
WHY = "making the environment"
STALE = "there is no version of"  # uv's words, also where its copy of an index's page is older than the lock
# Of this process, and wrong in another environment.
OURS = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an environment is made from."""

    python: str  # 3.11
    lock: Path  # a requirements file
    has_hashes: bool
    wheels: tuple[Carried, ...]  # beside each other
    indexes: Indexes
    names: frozenset[str]  # of what it has, as far as the lock says
    digest: str  # 64 hexadecimal digits


def environments() -> Path:
    """Give the folder of all environments."""
    return home() / FOLDER


def read_recipe(folder: Path) -> Recipe:
    """Read what the environment of a bento is made from.

    Args:
        folder: `env/python` of the bento.

    Raises:
        ConfigError: there is no lock, or it holds what no lock holds.
    """
    lock = next((path for path in (folder / LOCKED, folder / ASKED) if path.is_file()), None)
    version = folder / VERSION
    if lock is None or not version.is_file():
        raise ConfigError(f"the bento has no environment: there is no {ASKED} in {folder}", hint="build it again")
    python = Target.parse("linux/amd64", read_text(version).strip()).minor
    text, asked = read_text(lock), read_file(lock, folder)
    for each in asked.wanted:
        if each.path is not None:
            raise ConfigError(f"{each.place} must be a package of an index or of `{WHEELS}`: {each}")
    wheels = folder / WHEELS
    carried = tuple(read_wheel(path, "the bento") for path in sorted(wheels.glob("*.whl")))
    names = {each.name for each in carried} | {each.name for each in asked.wanted}
    if "ekiben" not in names:
        raise ConfigError(
            f"the environment of the bento has no Ekiben to serve it: {lock}",
            hint="build it again with this Ekiben, or serve it without `--env`",
        )
    content = [python, machine(), text]
    content += [f"{each.wheel.name} {each.digest}" for each in carried]
    return Recipe(
        python=python,
        lock=lock,
        has_hashes=bool(asked.wanted) and all(each.hashes for each in asked.wanted),
        wheels=carried,
        indexes=asked.indexes,
        names=frozenset(filter(None, names)),
        digest=hashlib.sha256("\0".join(content).encode()).hexdigest(),
    )


def read_text(file: Path) -> str:
    """Give a small file of a bento; raises ConfigError."""
    with disk_errors(f"cannot read {file}"), file.open("rb") as opened:
        data = opened.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise ConfigError(f"{file.name} of the bento must be at most {MAX_SIZE} bytes long, and is longer")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file.name} of the bento must be text in UTF-8: {error}", hint="build it again") from error


def make_environment(
    folder: Path, *, platform: str | None = None, tell: Tell, show: bool = False, keep: bool = False
) -> Path:
    """Make the environment of a bento, or find the one that was made before.

    Args:
        folder: `env/python` of the bento.
        platform: which the bento was locked for, such as `linux/amd64`; None does not ask.
        tell: gets each line that a person should read.
        show: let uv draw its progress on the terminal.
        keep: let nobody remove it while this process lives, which may become that Python meanwhile.

    Returns:
        The environment's Python.

    Raises:
        ConfigError: the bento was locked for another machine, or a package cannot be installed.
        MissingLibrary: uv is not installed.
        StoreError: the disk is full or read-only; nothing half made is left.
    """
    if platform is not None and not Target.parse(platform).is_here:
        raise ConfigError(
            f"the bento was locked for {platform}, which this machine is not",
            hint=f"build it with `--platform {Target.parse().platform}`, or serve it without `--env`",
        )
    recipe = read_recipe(folder)
    place = environments() / recipe.digest
    with store_lock(place):
        problem = find_damage(place)
        if problem is not None:
            tell(f"{problem}; it is made again" if (place / VENV).exists() else "Making the environment of the bento.")
            with stage(environments()) as fresh:
                install(recipe, fresh, show=show, is_again=(place / VENV).exists())
                put(fresh, place)
        with disk_errors(f"cannot write {place}"):
            (place / USED).touch()
        if keep:  # before the lock is let go: whoever removes environments waits for it
            hold(place / HELD)
    return place / VENV / PYTHON


def install(recipe: Recipe, fresh: Path, *, show: bool, is_again: bool = False) -> None:
    """Fill a folder with an environment.

    Args:
        recipe: what goes in.
        fresh: an empty folder; uv looks for settings above it.
        show: let uv draw its progress.
        is_again: one was damaged, perhaps by way of uv's own cache, which is not asked then.
    """
    python = sys.executable if recipe.python == this_python() else recipe.python
    quiet = [] if show else ["--quiet"]
    environ = {name: value for name, value in recipe.indexes.variables().items() if name not in OURS}
    made = ["venv", "--quiet", "--allow-existing", "--relocatable", "--no-project", "--python", python, str(fresh)]
    run_uv(made, why=f"{WHY} with Python {recipe.python}", cwd=fresh, environ=environ)
    words = ["pip", "install", *quiet, "--python", str(fresh / PYTHON), "--requirements", str(recipe.lock.resolve())]
    words += ["--no-index"] if recipe.indexes.no_index else []
    words += ["--no-cache"] if is_again else []
    if recipe.has_hashes:
        words += ["--require-hashes", "--no-deps"]
        words += ["--find-links", str(recipe.wheels[0].wheel.parent.resolve())] if recipe.wheels else []
    else:  # an index could have another of the same name and version
        words += [str(each.wheel.resolve()) for each in recipe.wheels]
    try:
        run_uv(words, why=WHY, cwd=fresh, environ=environ, show=show)
    except ConfigError as error:
        if recipe.indexes.no_index or not (show or STALE in str(error)):
            raise
        run_uv([*words, "--refresh"], why=WHY, cwd=fresh, environ=environ)


def put(fresh: Path, place: Path) -> None:
    """Put an environment into its place, with the list of its files."""
    listing = json.dumps(list_files(fresh), sort_keys=True).encode()
    with disk_errors(f"cannot write {place}"):
        if (place / VENV).exists():
            (place / VENV).rename(fresh.with_name("damaged"))  # removed with the stage
        fresh.rename(place / VENV)
    write_whole(place / FILES, listing)


def find_damage(place: Path) -> str | None:
    """Say what is wrong with an environment; None if nothing is.

    Files are held against their sizes; what Python compiles on the way is not asked for.
    """
    venv = place / VENV
    try:
        listed: Mapping[str, int] = json.loads((place / FILES).read_bytes())
        if not (venv / PYTHON).exists():
            return f"the environment {place.name[:12]} has lost its Python"
        found = list_files(venv)
        wrong = sorted(path for path, size in listed.items() if found.get(path) != size)
    except (OSError, ValueError, AttributeError):
        return f"the environment {place.name[:12]} is not whole"
    return f"the environment {place.name[:12]} is damaged ({wrong[0]})" if wrong else None


def list_files(venv: Path) -> dict[str, int]:
    """Give the sizes of the files of an environment, in bytes; a link counts as 0."""
    found = {}
    for folder, inner, names in os.walk(venv):
        inner[:] = [name for name in inner if name != "__pycache__"]
        for name in names:
            path = Path(folder, name)
            found[path.relative_to(venv).as_posix()] = 0 if path.is_symlink() else path.lstat().st_size
    return found


def child_environ(python: Path, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Give the variables for a process in an environment."""
    found = {name: value for name, value in environ.items() if name not in OURS}
    venv = python.parent.parent
    return {**found, "VIRTUAL_ENV": str(venv), "PATH": f"{python.parent}{os.pathsep}{environ.get('PATH', '')}"}


def prune_environments(before: float) -> list[str]:
    """Remove the environments, not running, that were last wanted before a time.

    Args:
        before: seconds since 1970.

    Returns:
        The digests of those that are gone.
    """
    gone = []
    root = environments()
    for place in sorted(root.iterdir()) if root.is_dir() else ():
        if not (place / VENV).is_dir():
            continue
        with store_lock(place), disk_errors(f"cannot remove {place}"):  # the lock stays: another may wait for it
            used = place / USED
            is_old = not used.exists() or used.stat().st_mtime < before
            if is_old and not is_held(place / HELD):
                (place / FILES).unlink(missing_ok=True)
                shutil.rmtree(place / VENV)
                gone.append(place.name)
    return gone
