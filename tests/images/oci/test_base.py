"""A base image is the one for the platform, whole, or none: hostile bases are refused."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError, CorruptArchive, EkibenError, InvalidInput, NotFound, UnsafeArchive
from ekiben.images.oci import base as rooms
from ekiben.images.oci.base import take_base
from ekiben.images.oci.layout import Layout
from ekiben.store.remotes.oci.documents import Platform
from tests.images.oci.bases import GZIP, INDEX, MANIFEST, MadeBase, describe, digest, write_archive, write_files
from tests.registry import fake_registry

AMD = Platform("linux", "amd64")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give an empty layout."""
    return Layout(tmp_path / "taken")


def index_of(*manifests: dict[str, Any]) -> dict[str, Any]:
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests)}


def test_layout_and_archive(tmp_path: Path, layout: Layout) -> None:
    """A layout and the archive of it give the same base, whose layers are in our layout."""
    made = MadeBase(layers=[{"a": b"1"}, {"b": b"2"}])
    write_files(made.files(), tmp_path / "base")
    write_archive(made.files(), tmp_path / "base.tar")
    one = take_base(str(tmp_path / "base"), AMD, layout)
    two = take_base(str(tmp_path / "base.tar"), AMD, Layout(tmp_path / "other"))
    assert (one.layers, one.config, one.digest) == (two.layers, two.config, two.digest)
    assert one.digest == digest(made.manifest)
    assert one.diff_ids == tuple(digest(each) for each in made.tars)
    for layer in one.layers:
        with layout.open(layer.digest) as file:
            assert digest(file.read()) == layer.digest


def test_saved(tmp_path: Path, layout: Layout) -> None:
    """What `docker save` wrote for long is read: plain layers, each held against the config."""
    made = MadeBase(layers=[{"a": b"1"}, {"b": b"2"}])
    write_archive(made.saved(), tmp_path / "base.tar")
    base = take_base(str(tmp_path / "base.tar"), AMD, layout)
    assert [layer.digest for layer in base.layers] == [digest(each) for each in made.tars]
    assert {layer.media_type for layer in base.layers} == {"application/vnd.oci.image.layer.v1.tar"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"1/layer.tar": b"other"}, CorruptArchive, id="a layer of other bytes"),
        pytest.param({"1/layer.tar": None}, NotFound, id="a layer that is missing"),
        pytest.param({"1/layer.tar": "../0/layer.tar"}, NotFound, id="a layer that is a link"),
        pytest.param({"config.json": b"[]"}, CorruptArchive, id="a config that is none"),
        pytest.param({"config.json": b"{}"}, NotFound, id="a config without a platform"),
        pytest.param({"manifest.json": b"{}"}, ConfigError, id="no list of images"),
        pytest.param({"manifest.json": b"[{}, {}]"}, ConfigError, id="two images"),
        pytest.param({"manifest.json": b'[{"Config": 3}]'}, CorruptArchive, id="a list of nothing"),
        pytest.param(
            {"manifest.json": b'[{"Config": "/etc/passwd", "Layers": []}]'}, NotFound, id="a config outside of it"
        ),
        pytest.param(
            {"manifest.json": b'[{"Config": "config.json", "Layers": ["../x"]}]'}, EkibenError, id="a layer outside"
        ),
    ],
)
def test_wrong_saved(tmp_path: Path, layout: Layout, change: dict[str, Any], error: type[EkibenError]) -> None:
    """A wrong archive of `docker save` is refused."""
    files: dict[str, Any] = {**MadeBase(layers=[{"a": b"1"}, {"b": b"2"}]).saved(), **change}
    write_archive({path: data for path, data in files.items() if data is not None}, tmp_path / "base.tar")
    with pytest.raises(error):
        take_base(str(tmp_path / "base.tar"), AMD, layout)


def test_registry(tmp_path: Path, layout: Layout) -> None:
    """From a registry comes the image of the platform, through its index; another platform is not there."""
    amd, arm = MadeBase(), MadeBase(platform=("linux", "arm64"), layers=[{"arm": b"1"}])
    top = json.dumps(index_of(arm.descriptor, amd.descriptor)).encode()
    with fake_registry() as registry:
        for blob in (*amd.blobs, *arm.blobs):
            registry.keep("team/base", blob)
        for data, kind, names in (
            (amd.manifest, MANIFEST, [digest(amd.manifest)]),
            (arm.manifest, MANIFEST, [digest(arm.manifest)]),
            (top, INDEX, ["v1", digest(top)]),
        ):
            for name in names:
                registry.manifests["team/base", name] = (kind, data)
        name = f"{registry.host}/team/base:v1"
        assert take_base(name, AMD, layout).digest == digest(amd.manifest)
        assert take_base(name, Platform("linux", "arm64"), layout).digest == digest(arm.manifest)
        with pytest.raises(NotFound, match=r"no image for linux/s390x"):
            take_base(name, Platform("linux", "s390x"), layout)


def test_nested_index(tmp_path: Path, layout: Layout) -> None:
    """An index in the layout's index is followed, as Docker writes it, and what is said of an image passed over."""
    made, other = MadeBase(), MadeBase(platform=("linux", "arm64"))
    said = describe(b"{}", MANIFEST, platform={"os": "unknown", "architecture": "unknown"})
    inner = json.dumps(index_of(said, other.descriptor, made.descriptor)).encode()
    files = {**other.files(), **made.files(index_of(describe(inner, INDEX)), inner)}
    base = take_base(str(write_files(files, tmp_path / "base")), AMD, layout)
    assert base.digest == digest(made.manifest)


def deep() -> dict[str, bytes]:
    """Indexes below indexes."""
    made = MadeBase()
    documents = [json.dumps(index_of(made.descriptor)).encode()]
    for _ in range(3):
        documents.append(json.dumps(index_of(describe(documents[-1], INDEX))).encode())
    return made.files(json.loads(documents[-1]), *documents)


def cycle() -> dict[str, bytes]:
    """An index that names itself, under a digest that is not its own: no index can name its own."""
    made = MadeBase()
    top = json.dumps(index_of({"mediaType": INDEX, "digest": "sha256:" + "0" * 64, "size": 300})).encode()
    return {**made.files(json.loads(top)), "blobs/sha256/" + "0" * 64: top.ljust(300)}


def changed(**config: Any) -> dict[str, bytes]:
    return MadeBase(config=config).files()


def with_layer(**change: Any) -> dict[str, bytes]:
    """A manifest whose layer says something else of itself."""
    made = MadeBase()
    document = json.loads(made.manifest)
    document["layers"][0].update(change)
    manifest = json.dumps(document).encode()
    return made.files(index_of(describe(manifest, MANIFEST)), manifest)


def without(part: int) -> dict[str, bytes]:
    """A blob is missing."""
    made = MadeBase()
    files = made.files()
    del files[f"blobs/sha256/{digest(made.blobs[part])[7:]}"]
    return files


def swapped(part: int) -> dict[str, bytes]:
    """A blob has other bytes, as many as it should."""
    made = MadeBase()
    blob = made.blobs[part]
    return {**made.files(), f"blobs/sha256/{digest(blob)[7:]}": blob[:-1] + b"!"}


HOSTILE = [
    pytest.param(swapped(0), CorruptArchive, "other bytes", id="a config of other bytes"),
    pytest.param(swapped(1), CorruptArchive, "other bytes", id="a layer of other bytes"),
    pytest.param(swapped(2), CorruptArchive, "other bytes", id="a manifest of other bytes"),
    pytest.param(without(0), CorruptArchive, "missing", id="no config"),
    pytest.param(without(1), CorruptArchive, "missing", id="no layer"),
    pytest.param(without(2), CorruptArchive, "missing", id="no manifest"),
    pytest.param(deep(), CorruptArchive, "deep", id="indexes without end"),
    pytest.param(cycle(), CorruptArchive, "other bytes", id="an index that names itself"),
    pytest.param({"index.json": b"[]"}, CorruptArchive, "object", id="a list for an index"),
    pytest.param({"index.json": b"[" * 100_000}, CorruptArchive, "JSON", id="an index deep in itself"),
    pytest.param({"index.json": b" " * 5_000_000}, CorruptArchive, "at most", id="a huge index"),
    pytest.param(MadeBase().files(index_of()), NotFound, "no image", id="an empty index"),
    pytest.param(
        MadeBase().files(index_of(*[MadeBase().descriptor] * 501)), UnsafeArchive, "more than", id="a long index"
    ),
    pytest.param(
        {**MadeBase().files(index_of(MadeBase().descriptor, MadeBase(layers=[{"b": b""}]).descriptor)),
         **{k: v for k, v in MadeBase(layers=[{"b": b""}]).files().items() if k.startswith("blobs")}},
        ConfigError, "holds 2", id="two images for one platform"),
    pytest.param(changed(os="windows"), NotFound, "windows/amd64", id="another system"),
    pytest.param(changed(architecture="arm64"), NotFound, "linux/arm64", id="another processor, said in the config"),
    pytest.param(changed(os=[]), NotFound, "no image", id="no system"),
    pytest.param(changed(rootfs=None), CorruptArchive, "diff_ids", id="no list of layers"),
    pytest.param(changed(rootfs={"diff_ids": [3]}), CorruptArchive, "diff_ids", id="numbers for layers"),
    pytest.param(changed(rootfs={"diff_ids": []}), CorruptArchive, "speaks of 0", id="fewer layers than there are"),
    pytest.param(changed(rootfs={"diff_ids": ["../x"]}), CorruptArchive, "digest", id="a path for a digest"),
    pytest.param(with_layer(digest="sha256:../../x"), CorruptArchive, "digest", id="a digest that climbs"),
    pytest.param(with_layer(size=-1), CorruptArchive, "size", id="a size below nothing"),
    pytest.param(with_layer(size=2**62), UnsafeArchive, "more than", id="a huge size"),
    pytest.param(with_layer(size=10), CorruptArchive, "other bytes", id="a size that is not the layer's"),
    pytest.param(with_layer(mediaType="text/x"), ConfigError, "of a kind", id="a layer of another kind"),
    pytest.param(
        with_layer(mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar", urls=["http://x/"]),
        ConfigError, "of a kind", id="a layer that lies elsewhere"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "error", "message"), HOSTILE)
@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_hostile(
    tmp_path: Path, layout: Layout, files: dict[str, bytes], error: type[EkibenError], message: str, kind: str
) -> None:
    """Each wrong base is refused in words, from a folder and from an archive."""
    place = tmp_path / "base"
    if kind == "folder":
        write_files(files, place)
    else:
        write_archive(dict(files), place)
    with pytest.raises(error, match=message):
        take_base(str(place), AMD, layout)


def test_many_layers(tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base has no more layers than is sensible."""
    monkeypatch.setattr(rooms, "MOST_LAYERS", 2)
    base = write_files(MadeBase(layers=[{str(each): b""} for each in range(3)]).files(), tmp_path / "base")
    with pytest.raises(UnsafeArchive, match="more than 2 layers"):
        take_base(str(base), AMD, layout)


def test_one_layer_twice(tmp_path: Path, layout: Layout) -> None:
    """Two equal layers, as builders make them, are one blob."""
    base = write_files(MadeBase(layers=[{"a": b""}, {"a": b""}]).files(), tmp_path / "base")
    assert len(take_base(str(base), AMD, layout).layers) == 2


def test_kinds_of_docker(tmp_path: Path, layout: Layout) -> None:
    """Layers of Docker's kinds get the names that they have in OCI; the bytes stay."""
    made = MadeBase(kind="application/vnd.docker.image.rootfs.diff.tar.gzip")
    base = take_base(str(write_files(made.files(), tmp_path / "base")), AMD, layout)
    assert [(each.media_type, each.digest) for each in base.layers] == [
        (GZIP, digest(gzip.compress(made.tars[0], mtime=0)))
    ]


@pytest.mark.parametrize("name", ["./missing", "/missing/base.tar", "~/missing"])
def test_no_file(layout: Layout, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written as a path is one, and no registry is asked for it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(NotFound, match="there is no base image"):
        take_base(name, AMD, layout)


def test_no_name(layout: Layout) -> None:
    """What is neither a path nor a name is refused."""
    with pytest.raises(InvalidInput, match="not the name of an image"):
        take_base("Not A Name", AMD, layout)
