"""An image made without an engine is that of the bento's Dockerfile, and the same each time."""

import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError, EkibenError
from ekiben.images.oci.image import Order, make_image, push_layout
from ekiben.images.oci.layout import Layout
from ekiben.images.plan import Parts
from ekiben.store.remotes.oci.documents import Descriptor, Platform
from tests.images.oci.bases import PASSWD, PYTHON, write_base
from tests.images.oci.conftest import MakeParts
from tests.registry import fake_registry

AMD = Platform("linux", "amd64")


def make(parts: Parts, base: Path, folder: Path, **order: Any) -> tuple[Layout, Descriptor, list[str]]:
    """Make an image, and give its layout, its manifest and what was said."""
    (folder / "work").mkdir(parents=True)
    layout, said = Layout(folder / "layout"), list[str]()
    manifest = make_image(parts, Order(str(base), **{"platform": AMD, **order}), layout, folder / "work", said.append)
    return layout, manifest, said


def document(layout: Layout, digest: str) -> dict[str, Any]:
    with layout.open(digest) as file:
        found: dict[str, Any] = json.load(file)
    return found


def unpack(layout: Layout, manifest: Descriptor) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    """Lay the layers over each other."""
    found = {}
    for layer in document(layout, manifest.digest)["layers"]:
        with layout.open(layer["digest"]) as blob, tarfile.open(fileobj=blob) as tar:
            for info in tar:
                file = tar.extractfile(info) if info.isreg() else None
                found[info.name] = (info, file.read() if file else b"")
    return found


def test_what_is_in_it(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """On top of the base lie packages, programs, each model and the bento, in layers of their own."""
    parts = make_parts()
    layout, manifest, said = make(parts, base, tmp_path / "made")
    plain = document(layout, manifest.digest)
    config = document(layout, plain["config"]["digest"])
    assert len(plain["layers"]) == 1 + 4 == len(config["rootfs"]["diff_ids"])
    assert [each["created_by"] for each in config["history"]][1:] == [
        "packages", "user and programs", parts.plan.models[0], "bento iris:v1"]  # fmt: skip
    found = unpack(layout, manifest)
    place = "opt/ekiben"
    assert {f"{place}/bin/entrypoint", f"{place}/bin/healthcheck.py", f"{place}/venv/bin/ekiben"} <= found.keys()
    assert found[f"{place}/bento/src/service.py"][1] == b"x = 1\n"
    assert found[f"{place}/bento/{parts.plan.models[0]}/weights"][1] == b"3"
    assert found[f"{place}/venv/bin/python"][0].linkname == "/usr/local/bin/python3.11"
    assert found["etc/passwd"][1] == PASSWD + b"ekiben:x:1034:1034::/home/ekiben:/bin/sh\n"
    assert found["etc/group"][1] == b"root:x:0:\nekiben:x:1034:\n"
    assert (found["home/ekiben"][0].uid, found["home/ekiben"][0].gid) == (1034, 1034)
    ours = [info for path, (info, _) in found.items() if path.startswith("opt/")]
    assert {(info.uid, info.gid, info.mtime) for info in ours} == {(0, 0, 0)}
    assert said == [f"Taking the base image {base} for linux/amd64", "Installing the packages"]


def test_same_digest(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """One bento on one base is one digest, whenever, wherever and by whomever it is made."""
    parts = make_parts()
    one = make(parts, base, tmp_path / "one")
    os.utime(base / "index.json", (5, 5))
    before = os.umask(0o077)
    try:
        two = make(parts, base, tmp_path / "another place")
    finally:
        os.umask(before)
    assert one[1] == two[1]
    assert sorted(os.listdir(one[0].folder / "blobs/sha256")) == sorted(os.listdir(two[0].folder / "blobs/sha256"))


def test_other_digest(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """Another base makes another image, whose layers on top of it are the same, so that a registry has them once."""
    parts = make_parts()
    other = write_base(tmp_path / "other", layers=[PYTHON, {"more": b"1"}])
    layouts = [make(parts, each, tmp_path / each.name / "made") for each in (base, other)]
    plain = [document(layout, manifest.digest) for layout, manifest, _ in layouts]
    assert layouts[0][1].digest != layouts[1][1].digest
    assert plain[0]["layers"][1:] == plain[1]["layers"][2:]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({"system_packages": ("libgomp1",)}, "docker.system_packages", id="packages of the system"),
        pytest.param({"has_setup": True}, "docker.setup_script", id="a script"),
        pytest.param({"cuda": "12.4.1"}, "docker.cuda_version", id="CUDA"),
        pytest.param({"args": ("TOKEN",)}, "--build-arg", id="variables of the build"),
    ],
)
def test_nothing_is_run(make_parts: MakeParts, base: Path, tmp_path: Path, changes: dict[str, Any], name: str) -> None:
    """What would need a program to be run in the image is refused, not left out."""
    parts = make_parts()
    with pytest.raises(ConfigError, match=f"runs nothing in the image, and `{name}`"):
        make(replace(parts, plan=replace(parts.plan, **changes)), base, tmp_path / "made")


def test_musl(make_parts: MakeParts, tmp_path: Path) -> None:
    """A base with musl is refused, as no wheel of the lock runs there."""
    base = write_base(tmp_path / "base", layers=[PYTHON, {"lib/ld-musl-x86_64.so.1": b"x"}])
    with pytest.raises(ConfigError, match="must have glibc"):
        make(make_parts(), base, tmp_path / "made")


def test_other_python(make_parts: MakeParts, tmp_path: Path) -> None:
    """A base without the Python of the packages is refused."""
    base = write_base(tmp_path / "base", layers=[{"usr/local/bin/python3.9": b"x"}])
    with pytest.raises(ConfigError, match=r"must have Python 3\.11.*python3\.9"):
        make(make_parts(), base, tmp_path / "made")


@pytest.mark.parametrize(
    ("users", "written"),
    [
        pytest.param({}, b"ekiben:x:1034:1034::/home/ekiben:/bin/sh\n", id="none before"),
        pytest.param(
            {"etc/passwd": b"a:x:1:1::/:/bin/sh"},
            b"a:x:1:1::/:/bin/sh\nekiben:x:1034:1034::/home/ekiben:/bin/sh\n",
            id="a last line without an end",
        ),
        pytest.param({"etc/passwd": b"own:x:1034:1034::/:/bin/sh\n"}, None, id="the number is taken"),
        pytest.param({"etc/passwd": "/usr/share/passwd"}, None, id="a link, which leads elsewhere"),
    ],
)
def test_users(make_parts: MakeParts, tmp_path: Path, users: dict[str, Any], written: bytes | None) -> None:
    """The user is named beside those of the base; the container runs by number where that cannot be."""
    layer = {"usr/local/bin/python3.11": b"x", **users}
    layout, manifest, _ = make(make_parts(), write_base(tmp_path / "base", layers=[layer]), tmp_path / "made")
    top = {path: data for path, (_, data) in unpack(layout, manifest).items()}
    assert top.get("etc/passwd") == (
        users.get("etc/passwd") if written is None and "own" in str(users) else written or b""
    )


def test_deletions(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """A file of a bento that an engine would take for a deletion is refused."""
    with pytest.raises(EkibenError, match="deletion"):
        make(make_parts(files={"src/.wh..wh..opq": ""}), base, tmp_path / "made")


def test_push(make_parts: MakeParts, base: Path, tmp_path: Path) -> None:
    """A registry has the image under its name, and what it has already is not sent again."""
    layout, manifest, _ = make(make_parts(), base, tmp_path / "made")
    with fake_registry() as registry:
        name = f"{registry.host}/team/iris"
        assert push_layout(layout, manifest, f"{name}:v1") == manifest.digest
        sent = registry.count("PUT", "/blobs/")
        assert sent == len({each["digest"] for each in document(layout, manifest.digest)["layers"]}) + 1
        assert push_layout(layout, manifest, f"{name}:v2") == manifest.digest
        assert registry.count("PUT", "/blobs/") == sent
        assert {tag for _, tag in registry.manifests} >= {"v1", "v2"}
