"""A blob is fetched whole and right, or there is no file."""

from hashlib import sha512
from pathlib import Path

import pytest

from ekiben.core.errors import CorruptArchive, NotFound, StoreError, Unavailable
from ekiben.store.remotes.oci.documents import Descriptor, describe
from tests.registry import FakeRegistry, cut_answer, never_end, say
from tests.store.remotes.oci.conftest import Talk

DATA = bytes(range(256)) * 40
WANTED = describe(DATA, "application/octet-stream")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Give the place of a file that is not there yet."""
    return tmp_path / "blob"


def test_a_blob_comes(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """The file has the blob's bytes, and its progress is told."""
    seen: list[int] = []
    fake.keep("team/iris", DATA)
    talk(fake).fetch("team/iris", WANTED, place, seen.append)
    assert place.read_bytes() == DATA
    assert seen[-1] == len(DATA)


def test_an_empty_blob_comes(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """Nothing is something that can be fetched."""
    fake.keep("team/iris", b"")
    talk(fake).fetch("team/iris", describe(b"", "x/y"), place)
    assert place.read_bytes() == b""


@pytest.mark.parametrize("sent", [0, 1, 5000, len(DATA) - 1])
def test_a_cut_goes_on(fake: FakeRegistry, talk: Talk, place: Path, sent: int) -> None:
    """After a cut only what is missing is asked for."""
    fake.keep("team/iris", DATA)
    fake.break_at("GET", "/blobs/", cut_answer(DATA[:sent], len(DATA)))
    talk(fake).fetch("team/iris", WANTED, place)
    assert place.read_bytes() == DATA
    assert fake.asked[-1].headers.get("range") == (f"bytes={sent}-" if sent else None)


def test_many_cuts_go_on_as_long_as_bytes_come(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A bad line brings a blob, however often it is cut, if each time some bytes come."""
    fake.keep("team/iris", DATA)
    fake.break_at("GET", "/blobs/", cut_answer(DATA[:500], len(DATA)))
    for start in range(500, 10_000, 500):
        head = {"content-range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"}
        fake.break_at("GET", "/blobs/", cut_answer(DATA[start : start + 500], len(DATA) - start, head, 206))
    talk(fake).fetch("team/iris", WANTED, place)
    assert place.read_bytes() == DATA


def test_a_registry_without_ranges(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A registry that begins anew is followed."""
    fake.break_at("GET", "/blobs/", cut_answer(DATA[:5000], len(DATA)))
    fake.break_at("GET", "/blobs/", say(200, data=DATA))
    talk(fake).fetch("team/iris", WANTED, place)
    assert place.read_bytes() == DATA


def test_another_part_than_was_asked_for(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """Bytes of another place are not put into this one."""
    fake.keep("team/iris", DATA)
    fake.break_at("GET", "/blobs/", cut_answer(DATA[:5000], len(DATA)))
    fake.break_at("GET", "/blobs/", say(206, {"content-range": "bytes 100-10239/10240"}, DATA[100:]))
    talk(fake).fetch("team/iris", WANTED, place)
    assert place.read_bytes() == DATA


def test_a_line_that_brings_nothing(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A line on which nothing comes is given up, and there is no file."""
    fake.break_at("GET", "/blobs/", cut_answer(b"", len(DATA)), times=99)
    with pytest.raises(Unavailable, match="cut"):
        talk(fake).fetch("team/iris", WANTED, place)
    assert not place.exists()
    assert fake.count("GET") == 6


def test_an_endless_body_is_left(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A registry that never ends is left once it has sent more than the descriptor says."""
    fake.break_at("GET", "/blobs/", never_end)
    with pytest.raises(CorruptArchive, match="sends more than the 10240 bytes"):
        talk(fake).fetch("team/iris", WANTED, place)
    assert not place.exists()


def test_other_bytes_are_refused(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """Bytes of another digest are no blob."""
    fake.break_at("GET", "/blobs/", say(200, data=DATA[:-1] + b"x"))
    with pytest.raises(CorruptArchive, match="other bytes"):
        talk(fake).fetch("team/iris", WANTED, place)
    assert not place.exists()


def test_fewer_bytes_are_refused(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A blob that ends early, each time, is refused with both sizes."""
    fake.break_at("GET", "/blobs/", say(200, data=DATA[:100]), times=99)
    with pytest.raises(CorruptArchive, match="sent 100 of the 10240 bytes"):
        talk(fake).fetch("team/iris", WANTED, place)
    assert not place.exists()
    assert fake.count("GET") < 20


def test_what_is_not_there(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A blob that the registry has not is told as such."""
    with pytest.raises(NotFound):
        talk(fake).fetch("team/iris", WANTED, place)
    assert not place.exists()


def test_a_place_that_is_taken(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A file that is there is not written over."""
    fake.keep("team/iris", DATA)
    place.write_bytes(b"mine")
    with pytest.raises(StoreError):
        talk(fake).fetch("team/iris", WANTED, place)
    assert place.read_bytes() == b"mine"


def test_nothing_is_unpacked_on_the_way(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """A body that calls itself compressed is taken as it is, so that a bomb stays small."""
    fake.break_at("GET", "/blobs/", say(200, {"content-encoding": "gzip"}, DATA))
    talk(fake).fetch("team/iris", WANTED, place)
    assert place.read_bytes() == DATA


def test_a_longer_digest(fake: FakeRegistry, talk: Talk, place: Path) -> None:
    """SHA-512 is a digest too."""
    wanted = Descriptor("x/y", "sha512:" + sha512(DATA).hexdigest(), len(DATA))
    fake.blobs["team/iris", wanted.digest] = DATA
    talk(fake).fetch("team/iris", wanted, place)
    assert place.read_bytes() == DATA
