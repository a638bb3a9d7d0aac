"""Make the environment of an image: the packages of a bento, for another machine.

In: the packages as the bento has them, a platform. Out: entries of a layer, an environment in the place where the
Dockerfile of the same bento makes its own, bound to the Python of the base image.

uv downloads wheels for the platform and unpacks them; nothing of them is run, and what has no wheel is refused. What uv
notes about this machine is left out. Compiled modules are added where this Python is of the image's version, with no
time in them, so that a container need not compile them at each start.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ekiben.core.errors import ConfigError
from ekiben.core.uv import run_uv
from ekiben.images.oci.layers import READ, RUN, Entry
from ekiben.images.oci.requirements import check_requirements
from ekiben.images.plan import Packages, read_text
from ekiben.store.remotes.oci.documents import Platform

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC = "manylinux_2_28"  # that of the lock: RHEL 8, Debian 10
# What uv and pip note about where a package came from, which is another path for whoever builds.
NOTES = ("direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED")
OURS = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__", "UV_COMPILE_BYTECODE")
INDEX = ("UV_INDEX_URL", "UV_DEFAULT_INDEX")
LOCK = ".lock"  # of uv, while it works
WHY = "installing the packages of the image"


@dataclass(frozen=True, slots=True)
class Made:
    """An environment that was made on this disk."""

    folder: Path
    before: frozenset[str]  # files of the environment that are of no package
    version: str  # 3.11: of the image's Python


def install_packages(
    packages: Packages, platform: Platform, folder: Path, place: str, *, no_cache: bool = False, show: bool = False
) -> Made:
    """Install the packages of a bento into a folder of this disk.

    Args:
        packages: of the bento.
        platform: that the image is for.
        folder: empty; uv looks for settings above it.
        place: where the environment lies in the image, for what Python compiles.
        no_cache: download each package anew.
        show: let uv draw its progress on the terminal.

    Raises:
        ConfigError: the list says more than packages, one cannot be had or has no wheel, or uv is too old.
        MissingLibrary: uv is not installed.
    """
    machine = MACHINES.get(platform.architecture)
    if machine is None or platform.os != "linux":
        raise ConfigError(f"`--platform` must be linux/amd64 or linux/arm64: {str(platform)!r}")
    environ = {name: value for name, value in os.environ.items() if name not in OURS}
    asked = read_text(packages.requirements)
    check_requirements(asked)
    if any(line.startswith("--index-url") for line in asked.splitlines()):
        environ = {name: value for name, value in environ.items() if name not in INDEX}  # the bento's counts
    made = ["venv", "--quiet", "--allow-existing", "--relocatable", "--no-project", "--python", sys.executable]
    run_uv([*made, str(folder)], why=WHY, cwd=folder, environ=environ)
    before = list_files(folder)
    words = ["pip", "install", *([] if show else ["--quiet"]), "--python", str(folder / "bin/python")]
    words += ["--python-platform", f"{machine}-{GLIBC}", "--python-version", packages.version, "--no-build"]
    words += ["--link-mode", "copy", *(["--no-cache"] if no_cache else [])]
    words += ["--requirements", str(packages.requirements.resolve())]
    if packages.has_hashes:
        words += ["--require-hashes", "--no-deps"]
        words += ["--find-links", str(packages.wheels[0].parent.resolve())] if packages.wheels else []
    else:  # an index could have another of the same name and version
        words += [str(wheel.resolve()) for wheel in packages.wheels]
    run_uv(words, why=WHY, cwd=folder, environ=environ, show=show)
    if packages.version == f"{sys.version_info.major}.{sys.version_info.minor}":
        compile_modules(folder, place)
    return Made(folder, before, packages.version)


def compile_modules(folder: Path, place: str) -> None:
    """Compile the modules of an environment, as they will lie at *place* in an image.

    Raises:
        ConfigError: Python could not be started. A module that does not compile is left as it is, as pip leaves it.
    """
    words = [sys.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    words += ["-s", str(folder), "-p", place, str(folder / "lib")]
    # Sets in compiled code stand in the order of their hashes.
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
    try:
        subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        raise ConfigError(f"Python cannot be started: {error.strerror}: {sys.executable!r}") from error


def list_environment(made: Made, place: str, python: str) -> Iterator[Entry]:
    """List an environment as entries of a layer.

    Args:
        made: what `install_packages` made.
        place: where it lies in the image, with a slash before it.
        python: the interpreter of the base image.

    Raises:
        ConfigError: a package brought a link, or would replace a file of the environment.
    """
    top = place.removeprefix("/")
    home = str(PurePosixPath(python).parent)
    text = f"home = {home}\ninclude-system-site-packages = false\nversion = {made.version}\nexecutable = {python}\n"
    ours = {
        "bin/python": Entry(f"{top}/bin/python", link=python),
        "bin/python3": Entry(f"{top}/bin/python3", link="python"),
        f"bin/python{made.version}": Entry(f"{top}/bin/python{made.version}", link="python"),
        "pyvenv.cfg": Entry(f"{top}/pyvenv.cfg", text.encode()),
    }
    found = {here(path, made.version): made.folder / path for path in list_files(made.folder) - made.before - {LOCK}}
    for path, source in found.items():
        if source.is_symlink() or path in ours:
            raise ConfigError(f"a package of the bento brings what an image must not have from it: {path}")
    found = {path: source for path, source in found.items() if PurePosixPath(path).name not in NOTES or not noted(path)}
    folders = {str(above) for path in (*ours, *found) for above in PurePosixPath(path).parents}
    yield from (Entry(top if above == "." else f"{top}/{above}", mode=RUN) for above in folders)
    yield from ours.values()
    for path, source in found.items():
        is_record = noted(path) and source.name == "RECORD"
        mode = RUN if source.stat().st_mode & 0o100 else READ
        yield Entry(f"{top}/{path}", record_of(source) if is_record else source, mode=mode)


def here(path: str, version: str) -> str:
    """Give the path that a file has in an environment of another Python."""
    return re.sub(r"^lib/python3\.[0-9]+/", f"lib/python{version}/", path)


def noted(path: str) -> bool:
    """Say whether a file lies where uv notes what it installed."""
    return PurePosixPath(path).parent.name.endswith(".dist-info")


def record_of(path: Path) -> bytes:
    """Give the list of a package's files without notes, in one order."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    kept = [line for line in lines if PurePosixPath(line.partition(",")[0]).name not in NOTES]
    return "".join(sorted(kept)).encode()


def list_files(folder: Path) -> frozenset[str]:
    """List the files and links below *folder* by their paths, as uv made them."""
    found = []
    for place, inner, names in os.walk(folder):
        links = [name for name in inner if Path(place, name).is_symlink()]
        found += [Path(place, name).relative_to(folder).as_posix() for name in (*names, *links)]
    return frozenset(found)
