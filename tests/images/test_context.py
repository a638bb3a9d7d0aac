"""The folder that an image is built from holds what the image gets, for everyone to read, and nothing else."""

import os
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError, EkibenError
from ekiben.images.context import write_context
from ekiben.images.plan import read_parts
from ekiben.store.bentos import Bento, open_bento
from tests.images.conftest import LOCK, WHEEL, MakeBento


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_is_in_it(bento: Bento, tmp_path: Path) -> None:
    """Each thing has one place; models stand apart from the code."""
    folder = write_context(read_parts(bento), tmp_path / "context")
    version = bento.info.models[0].tag.version
    found = files_of(folder)
    assert {"Dockerfile", ".dockerignore", "python/hashes.txt", f"python/wheels/{WHEEL}"} <= found
    assert {f"models/digits/{version}/{name}" for name in ("weights", "model.yaml", "manifest.json")} <= found
    assert {"bento/bento.yaml", "bento/src/service.py", "bento/manifest.json"} <= found
    scripts = {"entrypoint", "install-system", "install-python", "run-setup", "run-step", "add-user", "healthcheck.py"}
    assert {path for path in found if path.startswith("bin/")} == {f"bin/{name}" for name in scripts}
    assert (folder / "python/hashes.txt").read_text() == LOCK
    assert not any(path.startswith("bento/models") for path in found)


def test_it_is_a_bento_with_its_models(bento: Bento, tmp_path: Path) -> None:
    """Put together as the Dockerfile does, it is whole: a bento that has its models inside."""
    folder = write_context(read_parts(bento), tmp_path / "context")
    (folder / "models").rename(folder / "bento/models")
    inside = open_bento(folder / "bento")
    assert [model.path for model in inside.find_models()] == [
        folder / "bento/models/digits" / str(bento.info.models[0].tag.version)
    ]
    assert inside.digest == bento.digest


def test_everyone_may_read_it(make_bento: MakeBento, tmp_path: Path) -> None:
    """Whoever the container runs as can read each file, whatever the mask of the builder; the store stays as it is."""
    before = os.umask(0o077)
    try:
        bento = make_bento({"env/docker/setup_script": "x"}, docker={"setup_script": "env/docker/setup_script"})
        folder = write_context(read_parts(bento), tmp_path / "context")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
    assert {mode for name, mode in modes.items() if name in ("service.py", "weights", "Dockerfile")} == {0o644}
    assert modes["entrypoint"] == 0o755
    assert (bento.path / "src/service.py").stat().st_mode & 0o777 == 0o600


def test_big_files_are_shared(bento: Bento, tmp_path: Path) -> None:
    """A model is not copied where the disk can share it."""
    stored = bento.find_models()[0].path / "weights"
    stored.chmod(0o644)
    folder = write_context(read_parts(bento), tmp_path / "context")
    assert next(folder.glob("models/digits/*/weights")).samefile(stored)


def test_versions_without_hashes(make_bento: MakeBento, tmp_path: Path) -> None:
    """Packages without hashes have a file of another name, by which they are installed otherwise."""
    bento = make_bento(environment={"locked": "versions"})
    found = files_of(write_context(read_parts(bento), tmp_path / "context"))
    assert "python/requirements.txt" in found
    assert "python/hashes.txt" not in found


def test_a_link_is_refused(bento: Bento, tmp_path: Path) -> None:
    """A link in a bento, which could lead anywhere, does not get into an image."""
    (bento.path / "src/secret").symlink_to("/etc/passwd")
    with pytest.raises(EkibenError, match="neither"):
        write_context(read_parts(bento), tmp_path / "context")


def test_a_folder_with_something_in_it(bento: Bento, tmp_path: Path) -> None:
    """Nobody's files are mixed with ours."""
    (tmp_path / "mine").write_text("")
    with pytest.raises(ConfigError, match="must be empty"):
        write_context(read_parts(bento), tmp_path)
    assert files_of(tmp_path) >= {"mine"}
    assert not (tmp_path / "Dockerfile").exists()


def test_a_file_in_the_way(bento: Bento, tmp_path: Path) -> None:
    """A file in place of the folder is said so, without a traceback of the system."""
    (tmp_path / "mine").write_text("")
    with pytest.raises(EkibenError, match="cannot write the context"):
        write_context(read_parts(bento), tmp_path / "mine")


def test_it_is_the_same_each_time(bento: Bento, tmp_path: Path) -> None:
    """The same bento gives the same files."""
    one, two = (write_context(read_parts(bento), tmp_path / name) for name in ("one", "two"))
    assert {path: (one / path).read_bytes() for path in files_of(one)} == {
        path: (two / path).read_bytes() for path in files_of(two)
    }
