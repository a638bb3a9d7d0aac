"""A registry that asks who we are gets an answer, and nobody else does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ekiben.core.errors import NotAuthenticated
from ekiben.store.remotes.oci.credentials import Credentials
from ekiben.store.remotes.oci.login import Login
from ekiben.store.remotes.oci.places import Place
from ekiben.store.remotes.oci.wire import Body
from tests.registry import FakeRegistry, fake_registry, say
from tests.store.remotes.oci.conftest import Talk

SCOPES = ("repository:team/iris:pull",)
FAR = Place("https", "registry.example.com")
BEARER = 'Bearer realm="https://auth.example.com/token?a=1",service="s",scope="x:y:z"'


def write_login(folder: Path, host: str, words: str = '"username":"me","password":"hunter2"') -> None:
    (folder / "config.json").write_text(f'{{"auths":{{"{host}":{{{words}}}}}}}')


@pytest.fixture(params=[False, True], ids=["basic", "tokens"])
def guarded(request: pytest.FixtureRequest) -> Iterator[FakeRegistry]:
    """Run a registry that lets one user in, by a password or by tokens."""
    with fake_registry(user="me", password="hunter2", bearer=request.param) as registry:
        registry.manifests["team/iris", "v1"] = ("text/plain", b"")
        yield registry


def test_a_login_opens(guarded: FakeRegistry, talk: Talk, docker_config: Path) -> None:
    """With a login the registry answers, and is asked for it once."""
    write_login(docker_config, guarded.host)
    registry = talk(guarded)
    assert registry.tags("team/iris") == ["v1"]
    assert registry.tags("team/iris") == ["v1"]
    challenged = [one for one in guarded.asked if "authorization" not in one.headers]
    assert len(challenged) == 1


def test_no_login_is_told(guarded: FakeRegistry, talk: Talk) -> None:
    """Without a login the error names the command that makes one."""
    with pytest.raises(NotAuthenticated) as refused:
        talk(guarded).tags("team/iris")
    assert refused.value.hint == f"log in: `docker login {guarded.host}`"


def test_a_wrong_password_is_told(guarded: FakeRegistry, talk: Talk, docker_config: Path) -> None:
    """A wrong password is an error without the password, after one attempt."""
    write_login(docker_config, guarded.host, '"username":"me","password":"hunter3"')
    with pytest.raises(NotAuthenticated) as refused:
        talk(guarded).tags("team/iris")
    assert "hunter3" not in f"{refused.value} {refused.value.hint}"
    assert len(guarded.asked) == 2


def test_a_token_that_ends_is_bought_anew(talk: Talk, docker_config: Path) -> None:
    """A token that the registry takes no more is replaced in the same request."""
    with fake_registry(user="me", password="hunter2", bearer=True) as fake:
        write_login(docker_config, fake.host)
        registry = talk(fake)
        registry.tags("team/iris")
        fake.tokens.clear()
        registry.tags("team/iris")
        assert fake.count("GET", "/token") == 2


def test_an_identity_token_buys_tokens(talk: Talk, docker_config: Path) -> None:
    """What `docker login` may keep instead of a password is sent as OAuth 2 asks for."""
    with fake_registry(user="me", password="hunter2", bearer=True) as fake:
        write_login(docker_config, fake.host, '"identitytoken":"hunter2"')
        assert talk(fake).tags("team/iris") == []
        assert fake.count("POST", "/token") == 1


def test_a_server_of_tokens_is_waited_for(talk: Talk, docker_config: Path, waits: list[float]) -> None:
    """A server of tokens that is overloaded is asked again."""
    with fake_registry(user="me", password="hunter2", bearer=True) as fake:
        write_login(docker_config, fake.host)
        fake.break_at("GET", "/token", say(503), times=2)
        assert talk(fake).tags("team/iris") == []
        assert len(waits) == 2


@pytest.mark.parametrize(
    "realm",
    ["http://auth.example.com/token", "https://127.0.0.1/token", "https://169.254.169.254/", "file:///x", "", "/x"],
)
def test_a_password_goes_to_no_unsafe_place(realm: str) -> None:
    """A registry cannot have the password sent in the clear, or to a service beside us."""
    sent: list[str] = []

    def ask(method: str, url: str, headers: object, body: Body | None) -> tuple[int, bytes]:
        sent.append(url)
        return 200, b'{"token":"t"}'

    login = Login(FAR, lambda: Credentials("me", "hunter2"), ask)
    with pytest.raises(NotAuthenticated, match="not safe"):
        login.answer(f'Bearer realm="{realm}"', SCOPES)
    assert sent == []


def test_what_is_asked_of_a_server_of_tokens() -> None:
    """The question has the service, every scope once, and keeps the server's own query."""
    sent: list[tuple[str, object]] = []

    def ask(method: str, url: str, headers: object, body: Body | None) -> tuple[int, bytes]:
        sent.append((url, headers))
        return 200, b'{"access_token":"abc","expires_in":100}'

    login = Login(FAR, lambda: None, ask)
    assert login.answer(BEARER, ("a:b:c", "x:y:z")) == "Bearer abc"
    assert sent == [("https://auth.example.com/token?a=1&service=s&scope=a%3Ab%3Ac&scope=x%3Ay%3Az", {})]


def test_tokens_end() -> None:
    """A token is used for its scopes until shortly before its end."""
    moment = 0.0
    login = Login(FAR, lambda: None, lambda *_: (200, b'{"token":"abc","expires_in":100}'), now=lambda: moment)
    login.answer(BEARER, SCOPES)
    assert login.header(SCOPES) == "Bearer abc"
    assert login.header(("other",)) is None
    moment = 95.0
    assert login.header(SCOPES) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b'{"token":7}', id="a number"),
        pytest.param(b'{"token":"a\\r\\nX-Evil: 1"}', id="a header in it"),
        pytest.param(b'{"token":"a b"}', id="a blank in it"),
        pytest.param(b'{"token":"' + b"a" * 70_000 + b'"}', id="longer than any"),
    ],
)
def test_no_token(data: bytes) -> None:
    """What is no token is not sent on."""
    login = Login(FAR, lambda: None, lambda *_: (200, data))
    with pytest.raises(NotAuthenticated, match="gives no token"):
        login.answer(BEARER, SCOPES)


@pytest.mark.parametrize("header", ["", "Negotiate", 'Digest realm="x"', "=,=,"])
def test_an_unknown_way_in(header: str) -> None:
    """Another kind of login is told as such."""
    login = Login(FAR, lambda: Credentials("me", "pw"), lambda *_: (200, b""))
    with pytest.raises(NotAuthenticated, match="not known here"):
        login.answer(header, SCOPES)


def test_a_registry_token_is_used_as_it_is() -> None:
    """A token in Docker's file is not traded for another."""
    login = Login(FAR, lambda: Credentials(registry_token="given"), lambda *_: (500, b""))
    assert login.answer(BEARER, SCOPES) == "Bearer given"
