"""What a registry holds is read and written, and held against its digest."""

import hashlib
import json

import pytest

from ekiben.core.errors import CorruptArchive, InvalidInput, NotFound, ServerError, Unavailable
from ekiben.store.remotes.oci.documents import MANIFEST, Descriptor, Index, Manifest, Platform, describe
from ekiben.store.remotes.oci.places import parse_place
from ekiben.store.remotes.oci.registry import open_registry
from tests.registry import FakeRegistry, never_end, say
from tests.store.remotes.oci.conftest import Talk

CONFIG = describe(b"{}", "application/json")
DOCUMENT = Manifest(CONFIG, [], "application/vnd.x", {"a": "b"})


def test_a_manifest_is_written_and_read(fake: FakeRegistry, talk: Talk) -> None:
    """A manifest is found under its tag and its digest."""
    registry = talk(fake)
    written = registry.put("team/iris", "v1", DOCUMENT)
    assert registry.get("team/iris", "v1") == (DOCUMENT, written)
    assert registry.get("team/iris", written.digest)[0] == DOCUMENT
    assert fake.manifests["team/iris", "v1"] == (MANIFEST, DOCUMENT.to_bytes())


def test_what_is_not_there(fake: FakeRegistry, talk: Talk) -> None:
    """A tag that is not there is named."""
    with pytest.raises(NotFound, match=f"{fake.host}/team/iris:v1"):
        talk(fake).get("team/iris", "v1")
    assert talk(fake).find("team/iris", "v1") is None


def test_another_manifest_than_the_digest(fake: FakeRegistry, talk: Talk) -> None:
    """A registry cannot give another manifest for a digest."""
    digest = "sha256:" + "0" * 64
    fake.manifests["team/iris", digest] = (MANIFEST, DOCUMENT.to_bytes())
    with pytest.raises(CorruptArchive, match="another manifest"):
        talk(fake).get("team/iris", digest)


def test_a_manifest_that_did_not_arrive(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that says yes and holds something else is not believed."""
    fake.manifests["team/iris", "v1"] = (MANIFEST, Manifest(CONFIG, [], "other").to_bytes())
    fake.break_at("PUT", "/manifests/", say(201))
    with pytest.raises(ServerError, match="another manifest"):
        talk(fake).put("team/iris", "v1", DOCUMENT)


def test_a_manifest_that_vanished(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that says yes and holds nothing is not believed either."""
    fake.break_at("PUT", "/manifests/", say(201))
    with pytest.raises(NotFound):
        talk(fake).put("team/iris", "v1", DOCUMENT)


def test_an_endless_manifest(fake: FakeRegistry, talk: Talk) -> None:
    """A manifest that never ends is left."""
    fake.break_at("GET", "/manifests/", never_end)
    with pytest.raises(CorruptArchive, match="more than"):
        talk(fake).get("team/iris", "v1")


def test_an_image_for_a_platform(fake: FakeRegistry, talk: Talk) -> None:
    """An image is found through its index."""
    registry = talk(fake)
    digest = registry.put("base", describe(DOCUMENT.to_bytes(), MANIFEST).digest, DOCUMENT).digest
    size = len(DOCUMENT.to_bytes())
    registry.put("base", "v1", Index([Descriptor(MANIFEST, digest, size, platform=Platform("linux", "arm64"))]))
    assert registry.find_image("base", "v1", Platform("linux", "arm64"))[0] == DOCUMENT
    assert registry.find_image("base", digest, Platform())[0] == DOCUMENT
    with pytest.raises(NotFound, match="linux/amd64"):
        registry.find_image("base", "v1", Platform("linux", "amd64"))


def test_an_index_of_indexes(fake: FakeRegistry, talk: Talk) -> None:
    """An index that leads to another does not lead on for ever."""
    registry = talk(fake)
    inner = registry.put("base", "inner", Index([]))
    registry.put("base", "v1", Index([Descriptor(MANIFEST, inner.digest, 1, platform=Platform())]))
    with pytest.raises(CorruptArchive, match="another index"):
        registry.find_image("base", "v1", Platform())


def test_tags_of_many_pages(fake: FakeRegistry, talk: Talk) -> None:
    """Tags are listed to the last page."""
    for tag in ("a", "b", "c", "d", "e"):
        fake.manifests["team/iris", tag] = (MANIFEST, b"")
    assert talk(fake).tags("team/iris") == ["a", "b", "c", "d", "e"]


def test_tags_in_a_ring(fake: FakeRegistry, talk: Talk) -> None:
    """Pages that lead back to each other end."""
    page = json.dumps({"tags": ["a"]}).encode()
    fake.break_at("GET", "/tags/", say(200, {"link": '</v2/x/tags/list?n=1>; rel="next"'}, page), times=99)
    assert len(talk(fake).tags("x")) <= 3


@pytest.mark.parametrize("data", [b"", b"[]", b'{"tags":7}', b'{"tags":{"a":1}}'])
def test_no_list_of_tags(fake: FakeRegistry, talk: Talk, data: bytes) -> None:
    """What is no list of tags is told as such."""
    fake.break_at("GET", "/tags/", say(200, data=data))
    with pytest.raises(CorruptArchive, match="list of tags"):
        talk(fake).tags("x")


def test_no_tags(fake: FakeRegistry, talk: Talk) -> None:
    """A repository that is not there has none; `null` is none, too."""
    assert talk(fake).tags("nothing") == []
    fake.break_at("GET", "/tags/", say(200, data=b'{"tags":null}'))
    assert talk(fake).tags("x") == []


def test_a_small_blob(fake: FakeRegistry, talk: Talk) -> None:
    """A config is read into memory, if it is one."""
    fake.keep("team/iris", b"{}")
    assert talk(fake).read("team/iris", CONFIG, 100) == b"{}"
    with pytest.raises(CorruptArchive, match="at most 1"):
        talk(fake).read("team/iris", CONFIG, 1)


@pytest.mark.parametrize("data", [b"", b"[]", b"{} "])
def test_a_small_blob_of_other_bytes(fake: FakeRegistry, talk: Talk, data: bytes) -> None:
    """Other bytes, fewer or more are refused."""
    fake.break_at("GET", "/blobs/", say(200, data=data))
    with pytest.raises(CorruptArchive, match="other bytes"):
        talk(fake).read("team/iris", CONFIG, 100)


def test_an_endless_small_blob(fake: FakeRegistry, talk: Talk) -> None:
    """A config that never ends is left."""
    fake.break_at("GET", "/blobs/", never_end)
    with pytest.raises(CorruptArchive):
        talk(fake).read("team/iris", CONFIG, 100)


@pytest.mark.parametrize("repository", ["../x", "a/../b", "A", "", "a?b", "a b"])
def test_a_repository_is_no_path(fake: FakeRegistry, talk: Talk, repository: str) -> None:
    """A name cannot lead to another part of the registry's API."""
    registry = talk(fake)
    for ask in (registry.tags, lambda name: registry.get(name, "v1"), lambda name: registry.has(name, CONFIG)):
        with pytest.raises(InvalidInput):
            ask(repository)
    assert fake.asked == []


def test_tls_where_plain_http_is_spoken(fake: FakeRegistry) -> None:
    """TLS with a registry that speaks none is an error, not a hang."""
    place = parse_place(f"https://{fake.host}")
    with open_registry(place, sleep=lambda _: None) as registry, pytest.raises(Unavailable, match=fake.host):
        registry.tags("x")


def test_what_is_accepted_is_said(fake: FakeRegistry, talk: Talk) -> None:
    """A registry is told every kind of document that we read, so that it converts none."""
    talk(fake).put("team/iris", "v1", DOCUMENT)
    accepted = next(one.headers["accept"] for one in fake.asked if one.method == "GET")
    assert all(kind in accepted for kind in (MANIFEST, "image.index.v1", "manifest.list.v2", "manifest.v2"))
    assert hashlib.sha256(DOCUMENT.to_bytes()).hexdigest() in describe(DOCUMENT.to_bytes(), MANIFEST).digest
