"""An image without an engine goes where it is wanted, whole or not at all."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError, EkibenError
from ekiben.images.oci.image import Order
from ekiben.images.oci.make import make
from ekiben.images.oci.sources import open_files
from ekiben.images.plan import Parts
from ekiben.store.remotes.oci.documents import Platform
from tests.images.oci.bases import write_base
from tests.images.oci.conftest import MakeParts
from tests.registry import fake_registry


def run(parts: Parts, base: Path, output: Path | None = None, *names: str, push: bool = False) -> tuple[str, list[str]]:
    said: list[str] = []
    order = Order(str(base), Platform("linux", "amd64"))
    place = make(parts, order, names or ("iris:v1",), output=output, push=push, tell=said.append)
    return place, said


def index_of(place: Path) -> dict[str, Any]:
    with open_files(place) as files:
        found: dict[str, Any] = files.read_json("index.json", 10_000)
    return found


def test_folder_and_archive(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """A layout and an archive hold the same image; both say its digest, and nothing else is left."""
    parts = make_parts()
    place, said = run(parts, base, tmp_path / "out")
    assert place == f"oci:{tmp_path / 'out'}"
    assert run(parts, base, tmp_path / "out.tar") == (f"oci-archive:{tmp_path / 'out.tar'}", said)
    assert index_of(tmp_path / "out") == index_of(tmp_path / "out.tar")
    assert said[-1] == f"The digest of the image is {index_of(tmp_path / 'out')['manifests'][0]['digest']}."
    assert sorted(os.listdir(tmp_path / "out")) == ["blobs", "index.json", "oci-layout"]


def test_names(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """Each name is in the layout, and the first is the one that is run."""
    place, _ = run(make_parts(), base, tmp_path / "out", "iris:v1", "iris:latest")
    assert place == f"oci:{tmp_path / 'out'}:iris:v1"
    names = [
        each["annotations"]["org.opencontainers.image.ref.name"] for each in index_of(tmp_path / "out")["manifests"]
    ]
    assert names == ["iris:v1", "iris:latest"]


def test_on_itself(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """An image that was made is a base that can be read: its layers and its config fit each other."""
    parts = make_parts()
    run(parts, base, tmp_path / "one.tar")
    run(parts, tmp_path / "one.tar", tmp_path / "two")
    assert (
        index_of(tmp_path / "two")["manifests"][0]["digest"] != index_of(tmp_path / "one.tar")["manifests"][0]["digest"]
    )


def test_push(make_parts: MakeParts, base: Path, home: Path) -> None:
    """A push alone keeps nothing here."""
    with fake_registry() as registry:
        name = f"{registry.host}/team/iris:v1"
        assert run(make_parts(), base, None, name, push=True)[0] == name
        data = registry.manifests["team/iris", "v1"][1]
    assert len(json.loads(data)["layers"]) == 5
    assert not list((home / "tmp").glob("*/item/*"))


def test_nowhere(make_parts: MakeParts, base: Path) -> None:
    """An image that would go nowhere is refused before any work."""
    with pytest.raises(ConfigError, match="needs a place"):
        run(make_parts(), base)


def test_taken(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """A folder that holds something is left as it is."""
    parts = make_parts()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("1")
    with pytest.raises(ConfigError, match="empty or new folder"):
        run(parts, base, tmp_path / "out")
    with pytest.raises(ConfigError, match="empty or new folder"):
        run(parts, base, tmp_path / "out/mine")
    assert (tmp_path / "out/mine").read_text() == "1"


def test_nothing_half_made(make_parts: MakeParts, tmp_path: Path) -> None:
    """After a failure the folder is as it was, empty or not there, and there is no archive."""
    base = write_base(tmp_path / "base", config={"rootfs": None})
    (tmp_path / "empty").mkdir()
    parts = make_parts()
    for name in ("empty", "new", "new.tar"):
        with pytest.raises(EkibenError, match="diff_ids"):
            run(parts, base, tmp_path / name)
    assert not list((tmp_path / "empty").iterdir())
    assert not (tmp_path / "new").exists()
    assert not (tmp_path / "new.tar").exists()
    with pytest.raises(ConfigError):
        run(replace(parts, plan=replace(parts.plan, has_setup=True)), base, tmp_path / "new")
    assert not (tmp_path / "new").exists()
