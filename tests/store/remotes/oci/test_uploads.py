"""A blob arrives whole, once, and a connection that is cut goes on."""

import io
from collections.abc import Callable

import pytest

from ekiben.core.errors import CorruptItem, Forbidden, ServerError
from ekiben.store.remotes.oci.documents import Descriptor, describe
from ekiben.store.remotes.oci.uploads import Blob, _read_range
from tests.registry import FakeRegistry, Handler, cut_request, fake_registry, hang_up, say
from tests.store.remotes.oci.conftest import Talk

DATA = bytes(range(256)) * 40  # 10 240 bytes


def blob(data: bytes = DATA) -> Blob:
    return Blob(describe(data, "application/octet-stream"), lambda: io.BytesIO(data))


def holds(fake: FakeRegistry, data: bytes = DATA) -> bool:
    return fake.blobs.get(("team/iris", blob(data).descriptor.digest)) == data


def sent_pieces(fake: FakeRegistry) -> list[str]:
    return [one.headers["content-range"] for one in fake.asked if one.method == "PATCH"]


@pytest.mark.parametrize("data", [b"", b"x", DATA])
def test_a_small_blob_is_one_request(fake: FakeRegistry, talk: Talk, data: bytes) -> None:
    """A blob of one piece needs no more than a place and its bytes."""
    assert talk(fake).send("team/iris", blob(data)) is True
    assert holds(fake, data)
    assert [one.method for one in fake.asked] == ["HEAD", "POST", "PUT"]


def test_a_large_blob_comes_in_pieces(fake: FakeRegistry, talk: Talk) -> None:
    """A large blob is sent piece by piece, and its progress is told to its end."""
    seen: list[int] = []
    assert talk(fake, piece=4000).send("team/iris", blob(), on_bytes=seen.append)
    assert holds(fake)
    assert sent_pieces(fake) == ["0-3999", "4000-7999", "8000-10239"]
    assert seen[-1] == len(DATA)
    assert seen == sorted(seen)


def test_what_is_there_is_not_sent(fake: FakeRegistry, talk: Talk) -> None:
    """A blob that the repository has is not sent again."""
    fake.keep("team/iris", DATA)
    assert talk(fake).send("team/iris", blob()) is False
    assert [one.method for one in fake.asked] == ["HEAD"]


def test_where_a_mount_is_looked_for(fake: FakeRegistry, talk: Talk) -> None:
    """Of several repositories none is asked twice, nor the one that is pushed to."""
    fake.keep("team/base", DATA)
    talk(fake).send("team/iris", blob(), mount_from=["team/iris", "team/none", "team/base"])
    assert fake.count("POST", "from=team/iris") == 0
    assert holds(fake)


def test_a_mount_costs_one_request(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that can mount is asked once, and no byte is sent."""
    fake.keep("team/base", DATA)
    assert talk(fake).send("team/iris", blob(), mount_from=["team/base"]) is False
    assert [one.method for one in fake.asked] == ["HEAD", "POST"]
    assert holds(fake)


def test_a_registry_that_cannot_mount(talk: Talk) -> None:
    """Where a registry begins an upload instead, that upload is used."""
    with fake_registry(can_mount=False) as fake:
        fake.keep("team/base", DATA)
        assert talk(fake).send("team/iris", blob(), mount_from=["team/base"]) is True
        assert fake.count("POST") == 1
        assert holds(fake)


def test_a_mount_that_is_forbidden(fake: FakeRegistry, talk: Talk) -> None:
    """Without the right to read the other repository the blob is sent."""
    fake.break_at("POST", "mount=", say(403))
    assert talk(fake).send("team/iris", blob(), mount_from=["team/secret"]) is True
    assert holds(fake)


@pytest.mark.parametrize("kept", [0, 1, 2, 1500, 3999])
def test_a_cut_in_a_piece_goes_on(fake: FakeRegistry, talk: Talk, kept: int) -> None:
    """After a cut only what is missing is sent, also where the cut is in the middle of a piece."""
    fake.break_at("PATCH", "", cut_request(kept), skip=1)
    assert talk(fake, piece=4000).send("team/iris", blob())
    assert holds(fake)
    assert sent_pieces(fake)[:3] == ["0-3999", "4000-7999", f"{4000 + kept}-{min(7999 + kept, 10239)}"]


def test_many_cuts_go_on_as_long_as_bytes_arrive(fake: FakeRegistry, talk: Talk) -> None:
    """A bad line brings a large blob over, however often it is cut, if each time some bytes arrive."""
    fake.break_at("PATCH", "", cut_request(500), times=15)
    assert talk(fake, piece=4000).send("team/iris", blob())
    assert holds(fake)


def test_a_line_that_brings_nothing_over(fake: FakeRegistry, talk: Talk) -> None:
    """A line on which nothing arrives is given up, and the blob is not there."""
    fake.break_at("PATCH", "", hang_up, times=999)
    with pytest.raises(Exception, match="cut"):
        talk(fake, piece=4000).send("team/iris", blob())
    assert not holds(fake)
    assert fake.count("PATCH") < 30


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(say(503), id="overloaded"),
        pytest.param(say(429, {"retry-after": "3"}), id="too many requests"),
        pytest.param(lambda handler: handler.refuse(416), id="out of step"),
    ],
)
def test_a_piece_that_is_refused_for_now(fake: FakeRegistry, talk: Talk, act: Callable[[Handler], None]) -> None:
    """A piece that cannot be taken now is sent again, from where the registry stands."""
    fake.break_at("PATCH", "", act, skip=1)
    assert talk(fake, piece=4000).send("team/iris", blob())
    assert holds(fake)


def test_a_limit_is_waited_for(fake: FakeRegistry, talk: Talk, waits: list[float]) -> None:
    """`Retry-After` counts for pieces too."""
    fake.break_at("PATCH", "", say(429, {"retry-after": "3"}))
    talk(fake, piece=4000).send("team/iris", blob())
    assert waits == [3.0]


def test_an_upload_that_is_lost_begins_anew(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that forgot the upload gets the blob from its beginning."""

    def forget(handler: Handler) -> None:
        handler.registry.uploads.clear()
        handler.cut()

    fake.break_at("PATCH", "", forget, skip=1)
    assert talk(fake, piece=4000).send("team/iris", blob())
    assert holds(fake)
    assert fake.count("POST") == 2


def test_a_registry_that_takes_no_pieces(talk: Talk) -> None:
    """A registry that takes a blob only in one request gets it so."""
    with fake_registry(takes_pieces=False) as fake:
        assert talk(fake, piece=4000).send("team/iris", blob())
        assert holds(fake)
        assert fake.count("PATCH") == 1


def test_a_cut_at_the_end(fake: FakeRegistry, talk: Talk) -> None:
    """A cut in the last request sends the blob again."""
    fake.break_at("PUT", "", hang_up)
    assert talk(fake).send("team/iris", blob())
    assert holds(fake)


def test_a_registry_that_does_not_like_the_digest(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that finds another digest is believed, after five times, and says why."""
    fake.break_at("PUT", "", lambda handler: handler.refuse(400, "DIGEST_INVALID"), times=99)
    with pytest.raises(ServerError, match="DIGEST_INVALID"):
        talk(fake).send("team/iris", blob())
    assert fake.count("PUT") == 5


def test_a_registry_that_stores_something_else(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that says it holds other bytes is not believed to hold ours."""
    fake.break_at("PUT", "", say(201, {"docker-content-digest": "sha256:" + "0" * 64}))
    with pytest.raises(ServerError, match="other bytes"):
        talk(fake).send("team/iris", blob())


def test_a_damaged_file_is_not_sent(fake: FakeRegistry, talk: Talk) -> None:
    """Bytes that are not those of the descriptor are found before any of them leaves."""
    wrong = Blob(blob().descriptor, lambda: io.BytesIO(DATA[:-1] + b"x"))
    short = Blob(blob().descriptor, lambda: io.BytesIO(DATA[:-1]))
    for one in (wrong, short):
        with pytest.raises(CorruptItem):
            talk(fake).send("team/iris", one)
    assert fake.count("PUT") == fake.count("PATCH") == 0


def test_no_right_to_push(fake: FakeRegistry, talk: Talk) -> None:
    """A push without the right is told as such."""
    fake.break_at("POST", "", lambda handler: handler.refuse(403, "DENIED"))
    with pytest.raises(Forbidden, match="DENIED"):
        talk(fake).send("team/iris", blob())


def test_a_place_on_another_host_gets_no_login(talk: Talk, docker_config: object) -> None:
    """An upload that goes to another host takes its bytes there, and no password."""
    with fake_registry(user="me", password="hunter2") as fake, fake_registry() as other:
        docker_config.joinpath("config.json").write_text(  # type: ignore[attr-defined]
            f'{{"auths":{{"{fake.host}":{{"username":"me","password":"hunter2"}}}}}}'
        )
        other.uploads["u0"] = bytearray()
        place = f"http://{other.host}/v2/team/iris/blobs/uploads/u0?signature=1"
        fake.break_at("HEAD", "", lambda handler: handler.challenge())
        fake.break_at("POST", "", say(202, {"location": place}))
        assert talk(fake).send("team/iris", blob())
        assert holds(other)
        assert "authorization" in fake.asked[-1].headers
        assert all("authorization" not in one.headers for one in other.asked)
        assert "signature=1&digest=" in other.asked[-1].path


@pytest.mark.parametrize("location", ["http://example.com/x", "ftp://x/", "http://["])
def test_a_place_where_nothing_may_go(fake: FakeRegistry, talk: Talk, location: str) -> None:
    """No byte leaves for a place that is not safe."""
    fake.break_at("POST", "", say(202, {"location": location}))
    with pytest.raises(ServerError, match="where nothing may go"):
        talk(fake).send("team/iris", blob())


def test_no_place_at_all(fake: FakeRegistry, talk: Talk) -> None:
    """An upload that begins nowhere is an error."""
    fake.break_at("POST", "", say(202))
    with pytest.raises(ServerError, match="no place"):
        talk(fake).send("team/iris", blob())


def test_a_registry_that_counts_wrong(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that has more than was sent is not gone on with."""
    fake.break_at("PATCH", "", say(202, {"range": "0-9999999"}))
    with pytest.raises(ServerError, match="10000000"):
        talk(fake, piece=4000).send("team/iris", blob())


def test_the_least_piece(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that wants larger pieces gets them."""
    place = {"location": "/v2/team/iris/blobs/uploads/u0", "oci-chunk-min-length": "6000"}
    fake.uploads["u0"] = bytearray()
    fake.break_at("POST", "", say(202, place))
    assert talk(fake, piece=4000).send("team/iris", blob())
    assert sent_pieces(fake) == ["0-5999", "6000-10239"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0-99", 100, id="a range"),
        pytest.param("bytes=0-99", 100, id="with its unit"),
        pytest.param("0-0", 0, id="none, as well as one"),
        pytest.param(None, 7, id="nothing said"),
        pytest.param("5-9", 7, id="not from the beginning"),
        pytest.param("0--1", 7, id="no range"),
        pytest.param("0-" + "9" * 99, 7, id="a number longer than any"),
    ],
)
def test_ranges(text: str | None, expected: int) -> None:
    """How much has arrived is read with care."""
    assert _read_range(text, 7) == expected


def test_a_size_that_is_wrong_in_the_registry(fake: FakeRegistry, talk: Talk) -> None:
    """A blob of another size under our digest does not count as ours."""
    fake.break_at("HEAD", "", say(200, {"content-length": "5"}))
    assert talk(fake).has("team/iris", Descriptor("x/y", blob().descriptor.digest, len(DATA))) is False
