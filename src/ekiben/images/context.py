"""Write the folder that an image is built from.

In: the parts of an image, and an empty folder. Out: files, the same for the same bento.

    Dockerfile
    .dockerignore
    bin/             programs of the image: the entry point, its health, what installs
    python/          the lock (hashes.txt or requirements.txt) and the wheels that travel
    setup_script     the project's own, if it has one
    scripts/         those that the service's image runs
    include/         files of the project that its commands find beside them
    models/          a folder a version, each a layer
    bento/           all else of the bento

Nothing is in it but what the image gets, and nothing of it is a link. Files are shared with the store where the disk
can, so that a big model is not copied. Others may read each of them, whatever the mask of whoever built the bento.
"""

import os
import shutil
from importlib.resources import files
from pathlib import Path

from ekiben.core.errors import ConfigError
from ekiben.core.paths import disk_errors
from ekiben.images.dockerfile import INCLUDE, SETUP, write_dockerfile
from ekiben.images.plan import Parts
from ekiben.store.bentos import MODELS
from ekiben.store.digest import walk_files

SCRIPTS = ("entrypoint", "install-system", "install-python", "run-setup", "run-step", "add-user")
IGNORED = "# The folder holds what the image gets, and these two.\nDockerfile\n.dockerignore\n"
READ, RUN = 0o644, 0o755  # modes


def write_context(parts: Parts, folder: Path) -> Path:
    """Fill *folder*, which is empty or not there.

    Raises:
        ConfigError: something is in it already.
        StoreError: the disk is full, or a file is none.
    """
    text = write_dockerfile(parts.plan)
    with disk_errors(f"cannot write the context {folder}", is_home=False):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"the folder of the context must be empty: {folder}", hint="name another, or empty it")
        put_text(folder / "Dockerfile", text)
        put_text(folder / ".dockerignore", IGNORED)
        ours = files("ekiben.images")
        for name in SCRIPTS:
            put_text(folder / "bin" / name, (ours / "scripts" / name).read_text("utf-8"), RUN)
        put_text(folder / "bin/healthcheck.py", (ours / "healthcheck.py").read_text("utf-8"))
        packages = parts.packages
        place(packages.requirements, folder / "python" / ("hashes.txt" if packages.has_hashes else "requirements.txt"))
        for wheel in packages.wheels:
            place(wheel, folder / "python/wheels" / wheel.name)
        if parts.setup is not None:
            place(parts.setup, folder / SETUP)
        for path, script in parts.scripts.items():
            place(script, folder / path)
        for path, file in parts.include.items():
            place(file, folder / INCLUDE / path)
        for path, model in parts.models.items():
            place_folder(model.path, folder / path)
        place_folder(parts.bento.path, folder / "bento", without=MODELS)
    return folder


def put_text(target: Path, text: str, mode: int = READ) -> None:
    """Write a file of ours."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8", newline="\n")
    target.chmod(mode)


def place_folder(source: Path, target: Path, without: str | None = None) -> None:
    """Put the files below a folder into another; raises StoreError for a link."""
    for path, _ in walk_files(source):
        if path.partition("/")[0] != without:
            place(source / path, target / path)


def place(source: Path, target: Path) -> None:
    """Put one file there: the same file where others may read it, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = source.stat().st_mode & 0o777
    if mode in (READ, RUN, 0o444, 0o555):
        try:
            os.link(source, target)
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, target)
        else:
            return
    else:
        shutil.copyfile(source, target)
    target.chmod(RUN if mode & 0o100 else READ)
