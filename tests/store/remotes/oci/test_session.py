"""A registry is asked as long as it makes sense, and told who we are only where it asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ekiben.core.errors import EkibenError, Forbidden, NotFound, ServerError, TooManyRequests, Unavailable
from ekiben.store.remotes.oci.places import parse_place
from ekiben.store.remotes.oci.session import Session, read_error
from ekiben.store.remotes.oci.wire import Cut
from tests.registry import FakeRegistry, Handler, fake_registry, hang_up, say
from tests.store.remotes.oci.conftest import Talk

SCOPES = ("repository:team/iris:pull",)


def ask(session: Session, path: str = "/v2/team/iris/blobs/x", method: str = "GET") -> bytes:
    with session.ask(method, path, scopes=SCOPES, right=(200,)) as answer:
        return answer.read(10_000)


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    """Run another server, to which nobody has a login."""
    with fake_registry() as registry:
        yield registry


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_a_passing_fault_is_waited_out(fake: FakeRegistry, talk: Talk, waits: list[float], status: int) -> None:
    """A request that a registry cannot take now is sent again, later each time."""
    fake.break_at("GET", "", say(status), times=3)
    fake.break_at("GET", "", say(200, data=b"at last"), times=1)
    assert ask(talk(fake).session) == b"at last"
    assert waits == [0.25, 0.5, 1.0]


def test_a_cut_connection_is_made_again(fake: FakeRegistry, talk: Talk, waits: list[float]) -> None:
    """A connection that ends without an answer is made again."""
    fake.break_at("GET", "", hang_up, times=2)
    fake.break_at("GET", "", say(200, data=b"at last"))
    assert ask(talk(fake).session) == b"at last"
    assert len(waits) == 2


def test_a_registry_says_when(fake: FakeRegistry, talk: Talk, waits: list[float]) -> None:
    """`Retry-After` is followed."""
    fake.break_at("GET", "", say(429, {"retry-after": "7"}))
    fake.break_at("GET", "", say(200))
    ask(talk(fake).session)
    assert waits == [7.0]


def test_it_ends(fake: FakeRegistry, talk: Talk) -> None:
    """A registry that stays broken is an error with its status, after six attempts."""
    fake.break_at("GET", "", say(503), times=99)
    with pytest.raises(ServerError, match="503") as broken:
        ask(talk(fake).session)
    assert broken.value.answered == 503
    assert fake.count("GET") == 6


def test_too_many_requests_for_good(fake: FakeRegistry, talk: Talk) -> None:
    """A limit that stays reached is told as such."""
    fake.break_at("GET", "", say(429), times=99)
    with pytest.raises(TooManyRequests):
        ask(talk(fake).session)


def test_nobody_there(talk: Talk) -> None:
    """A registry that is not there is an error that names it, soon."""
    with fake_registry() as gone:
        pass
    with pytest.raises(Unavailable, match=gone.host) as caught:
        ask(talk(gone).session)
    assert f"is a registry running at {gone.host}" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(403, Forbidden, id="no right"),
        pytest.param(404, NotFound, id="nothing there"),
        pytest.param(400, ServerError, id="not understood"),
        pytest.param(418, ServerError, id="anything else"),
    ],
)
def test_what_asking_again_cannot_mend(fake: FakeRegistry, talk: Talk, status: int, kind: type[EkibenError]) -> None:
    """Other errors are told at once, in the registry's words."""
    fake.break_at("GET", "", lambda handler: handler.refuse(status, "DENIED"))
    with pytest.raises(kind, match="DENIED: denied"):
        ask(talk(fake).session)
    assert fake.count("GET") == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b'{"errors":[{"code":"A","message":"b"},{"code":"C"}]}', "A: b; C", id="words"),
        pytest.param(
            b'{"errors":[{"message":"\\u001b[31mred\\nline"}]}', "[31mred line", id="nothing that moves a cursor"
        ),
        pytest.param(b"<html>", "", id="a page"),
        pytest.param(b'{"errors":7}', "", id="a number"),
        pytest.param(b'{"errors":["x"]}', "", id="text"),
        pytest.param(b'{"errors":[{"message":"' + b"x" * 9999 + b'"}]}', "x" * 500, id="not more than anyone reads"),
    ],
)
def test_words_of_a_registry(data: bytes, expected: str) -> None:
    """What a registry says is fit for a terminal."""
    assert read_error(data) == expected


def redirect(url: str, status: int = 307) -> object:
    return say(status, {"location": url})


def test_a_redirect_to_another_host_learns_nothing(
    fake: FakeRegistry, other: FakeRegistry, talk: Talk, docker_config: Path
) -> None:
    """The password goes to the registry, and not to where it redirects."""
    fake.user, fake.password = "me", "hunter2"
    (docker_config / "config.json").write_text(
        f'{{"auths":{{"{fake.host}":{{"username":"me","password":"hunter2"}}}}}}'
    )
    fake.break_at("GET", "", lambda handler: handler.challenge())
    fake.break_at("GET", "", say(307, {"location": f"http://{other.host}/far?signature=1", "set-cookie": "a=b"}))
    other.break_at("GET", "", say(200, data=b"from afar"))
    assert ask(talk(fake).session) == b"from afar"
    assert "authorization" in fake.asked[-1].headers
    assert other.asked[0].headers.keys() & {"authorization", "cookie", "referer"} == set()


def test_a_redirect_on_the_same_host_stays_logged_in(fake: FakeRegistry, talk: Talk, docker_config: Path) -> None:
    """A redirect to the registry itself is part of it."""
    fake.user, fake.password = "me", "pw"
    (docker_config / "config.json").write_text(f'{{"auths":{{"{fake.host}":{{"username":"me","password":"pw"}}}}}}')
    fake.break_at("GET", "/x", say(302, {"location": "/v2/elsewhere/y"}))
    fake.break_at("GET", "/y", lambda handler: handler.challenge())
    fake.break_at("GET", "/x", say(302, {"location": "/v2/elsewhere/y"}))
    fake.break_at("GET", "/y", say(200, data=b"here"))
    assert ask(talk(fake).session) == b"here"
    assert fake.asked[-1].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://example.com/",
        "http://me:pw@127.0.0.1/",
        "http://[",
        "http://127.0.0.1:99999/",
    ],
)
def test_a_redirect_to_where_nothing_may_go(fake: FakeRegistry, talk: Talk, location: str) -> None:
    """A redirect off the safe ways is refused, and nobody is asked there."""
    fake.break_at("GET", "", say(302, {"location": location}))
    with pytest.raises(ServerError, match="where nothing may go") as refused:
        ask(talk(fake).session)
    assert "pw@" not in str(refused.value)


def test_redirects_end(fake: FakeRegistry, talk: Talk) -> None:
    """A ring of redirects ends."""
    fake.break_at("GET", "", say(302, {"location": "/v2/again"}), times=99)
    with pytest.raises(ServerError, match="redirects more than"):
        ask(talk(fake).session)
    assert fake.count("GET") == 6


def test_a_body_is_never_redirected(fake: FakeRegistry, other: FakeRegistry, talk: Talk) -> None:
    """What we send goes where we send it: a redirect of a POST is an error."""
    fake.break_at("POST", "", say(307, {"location": f"http://{other.host}/"}))
    with pytest.raises(ServerError, match="307"):
        ask(talk(fake).session, method="POST")
    assert other.asked == []


def test_only_the_caller_goes_on_after_a_cut(fake: FakeRegistry, talk: Talk) -> None:
    """Where the caller wants to go on by itself, a cut is told at once."""
    fake.break_at("GET", "", hang_up)
    session = talk(fake).session
    with pytest.raises(Cut), session.ask("GET", "/v2/", scopes=SCOPES, right=(200,), again=False):
        raise AssertionError("no answer came")
    assert fake.count("GET") == 1


def test_a_short_answer_leaves_its_connection_open(fake: FakeRegistry, talk: Talk) -> None:
    """Requests after each other take one connection, so that TLS is agreed upon once."""
    ports = set()

    def note(handler: Handler) -> None:
        ports.add(handler.client_address)
        handler.refuse(404)

    fake.break_at("GET", "", note, times=5)
    session = talk(fake).session
    for _ in range(5):
        with session.ask("GET", "/v2/", scopes=SCOPES, right=(404,)):
            pass
    assert len(ports) == 1


def test_a_proxy_is_not_asked_for_this_machine(fake: FakeRegistry, talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY leads elsewhere, and a registry on this machine is not there."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    fake.break_at("GET", "", say(200, data=b"direct"))
    assert ask(talk(fake).session) == b"direct"


def test_the_place_is_kept() -> None:
    """A relative place is one of the registry."""
    with Session(parse_place("localhost:5000")) as session:
        assert session.absolute("/v2/x?a=1") == "http://localhost:5000/v2/x?a=1"
        assert session.absolute("y", "http://localhost:5000/v2/x") == "http://localhost:5000/v2/y"
