"""Manifests are read from strangers and written in one way."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import CorruptArchive, InvalidInput, NotFound
from ekiben.store.remotes.oci.documents import (
    DOCKER_INDEX,
    INDEX,
    MANIFEST,
    Descriptor,
    Index,
    Manifest,
    Platform,
    describe,
    new_hash,
    read_document,
)

DIGEST = "sha256:" + "a" * 64
CONFIG = Descriptor("application/json", DIGEST, 2)
PLAIN: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "config": {"mediaType": "application/json", "digest": DIGEST, "size": 2},
    "layers": [{"mediaType": "x/y", "digest": DIGEST, "size": 3, "annotations": {"a": "b"}}],
}


def changed(**changes: Any) -> bytes:
    return json.dumps({**PLAIN, **changes}).encode()


def test_a_manifest_survives_the_way() -> None:
    """What is written is read as the same, and equal manifests have equal bytes."""
    layer = Descriptor("x/y", DIGEST, 3, {"a": "é"}, Platform("linux", "arm", "v7"), "x/z")
    manifest = Manifest(CONFIG, [layer], "application/vnd.x", {"b": "1", "a": "2"})
    assert read_document(manifest.to_bytes()) == manifest
    assert manifest.to_bytes() == Manifest(CONFIG, [layer], "application/vnd.x", {"a": "2", "b": "1"}).to_bytes()


def test_an_index_survives_the_way() -> None:
    """An index, too."""
    index = Index([Descriptor(MANIFEST, DIGEST, 3, platform=Platform("linux", "arm64"))], {"a": "b"})
    assert read_document(index.to_bytes()) == index


def test_the_header_counts_where_the_document_is_silent() -> None:
    """A document without a media type is what `Content-Type` says."""
    plain = {key: value for key, value in PLAIN.items() if key != "mediaType"}
    assert isinstance(read_document(json.dumps(plain).encode(), f"{MANIFEST}; charset=utf-8"), Manifest)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a page of a proxy"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"[" * 100_000, id="deeper than anyone reads"),
        pytest.param(changed(schemaVersion=1), id="Docker's first schema, which nobody can check"),
        pytest.param(changed(mediaType="text/plain"), id="another type"),
        pytest.param(changed(config=None), id="no config"),
        pytest.param(changed(layers={}), id="layers that are no list"),
        pytest.param(changed(layers=[PLAIN["config"]] * 10_001), id="more layers than anything has"),
        pytest.param(changed(layers=[{"digest": "md5:1", "size": 1}]), id="a digest of another kind"),
        pytest.param(changed(layers=[{"digest": "sha256:../../etc/passwd", "size": 1}]), id="a digest that is a path"),
        pytest.param(changed(layers=[{"digest": DIGEST.upper(), "size": 1}]), id="a digest in capitals"),
        pytest.param(changed(layers=[{"digest": DIGEST, "size": -1}]), id="a negative size"),
        pytest.param(changed(layers=[{"digest": DIGEST, "size": True}]), id="a size that is no number"),
        pytest.param(changed(annotations=[1]), id="annotations that are no mapping"),
        pytest.param(changed(annotations={"a": 1}), id="an annotation that is no text"),
        pytest.param(changed(artifactType=7), id="a type that is no text"),
    ],
)
def test_what_is_no_manifest(data: bytes) -> None:
    """Anything else is one error that says so."""
    with pytest.raises(CorruptArchive):
        read_document(data)


PIECES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([DIGEST, MANIFEST, INDEX]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mediaType", "digest", "size", "platform", "annotations", "os", "layers"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*PLAIN, "manifests", "annotations", "artifactType"]), PIECES))
def test_nothing_else_goes_wrong(changes: dict[str, Any]) -> None:
    """Whatever stands in a manifest, it is read or refused."""
    with contextlib.suppress(CorruptArchive):
        assert isinstance(read_document(json.dumps({**PLAIN, **changes}).encode()), Manifest | Index)


def images(*platforms: str) -> Index:
    listed = [Platform.parse(text) for text in platforms]
    return Index([Descriptor(MANIFEST, f"sha256:{i:064x}", 1, platform=one) for i, one in enumerate(listed)])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param("linux/amd64", 0, id="the one of that name"),
        pytest.param("linux/arm/v7", 2, id="the variant asked for"),
        pytest.param("linux/arm64", 3, id="a variant, where none is asked for"),
        pytest.param("linux/amd64/v3", 0, id="no variant stands for any"),
    ],
)
def test_choosing_a_platform(wanted: str, expected: int) -> None:
    """An index gives the image for a machine."""
    index = images("linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8")
    assert index.choose(Platform.parse(wanted)).digest == f"sha256:{expected:064x}"


def test_a_platform_that_is_not_there() -> None:
    """The error lists those that are."""
    with pytest.raises(NotFound, match="linux/s390x") as missing:
        images("linux/amd64", "linux/arm64").choose(Platform.parse("linux/s390x"))
    assert missing.value.hint == "there is one for linux/amd64, linux/arm64"
    with pytest.raises(NotFound):
        Index([Descriptor(MANIFEST, DIGEST, 1)], media_type=DOCKER_INDEX).choose(Platform())


@pytest.mark.parametrize("text", ["linux", "linux/amd64/v1/x", "Linux/amd64", "linux/amd64\n", "a b/c", "/"])
def test_no_platform(text: str) -> None:
    """What is no platform is refused."""
    with pytest.raises(InvalidInput, match="platform"):
        Platform.parse(text)


def test_this_machine_is_a_platform() -> None:
    """Without a wish the image is for Linux on this processor."""
    assert Platform.here().os == "linux"
    assert str(Platform("linux", "arm", "v7")) == "linux/arm/v7"


def test_digests() -> None:
    """Two kinds of digest are trusted, and no other."""
    assert describe(b"{}", "a/b").digest == "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert new_hash("sha512:" + "0" * 128).name == "sha512"
    for text in ("md5:" + "0" * 32, "sha1:" + "0" * 40, "sha256:", "sha256:" + "0" * 63, ""):
        with pytest.raises(CorruptArchive):
            new_hash(text)
