"""Who bears no token is told so, everywhere but at the probes; who bears the right one calls; nothing shows it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import ekiben
from ekiben.client.aio import AsyncHTTPClient
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.spec import AuthSpec, HttpSpec, ServiceSpec, TokenSpec
from ekiben.exceptions import ConfigError, Forbidden, NotAuthenticated
from ekiben.http import auth
from ekiben.http.fast import LANES
from ekiben.services.configure import effective
from tests.http.calls import Calls
from tests.http.within import asking
from tests.servers import Running, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "services" / "guarded.py"
OWNER, READER = "owner-token-0123456789", "reader-token-0123456789"
ENV = {"OWNER_TOKEN": OWNER, "READER_TOKEN": READER}


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module", params=LANES)
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    with serving(f"{EXAMPLE}:Guarded", "--lane", request.param, env=ENV) as running:
        yield running


OPEN = ["/livez", "/readyz", "/healthz", "/docs", "/docs/start.js", "/docs/swagger-ui.css"]
DESCRIBED = ["/docs.json", "/openapi.json", "/schema.json", "/metrics"]


@pytest.mark.slow
class TestServed:
    """What `ekiben serve` does with tokens, in each lane."""

    @pytest.mark.parametrize("path", OPEN)
    def test_open(self, running: Running, path: str) -> None:
        assert running.http.get(path).status_code == 200

    @pytest.mark.parametrize("path", [*DESCRIBED, "/nowhere", "/livez/", "/LIVEZ", "/docs/../look"])
    def test_guarded(self, running: Running, path: str) -> None:
        """Descriptions and unknown paths are not told to strangers."""
        answer = running.http.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.json()["hint"]

    @pytest.mark.parametrize("path", DESCRIBED)
    def test_any_token_reads_what_describes(self, running: Running, path: str) -> None:
        for token in (OWNER, READER):
            assert running.http.get(path, headers=bearing(token)).status_code == 200

    @pytest.mark.parametrize(
        ("headers", "status", "challenge"),
        [
            ({}, 401, "Bearer"),
            ({"authorization": "Basic b3duZXI6eA=="}, 401, "Bearer"),
            ({"authorization": "Bearer"}, 401, "Bearer"),
            (bearing("x" * 30), 401, 'Bearer error="invalid_token"'),
            (bearing(OWNER[:-1]), 401, 'Bearer error="invalid_token"'),
            (bearing(OWNER + "0"), 401, 'Bearer error="invalid_token"'),
            ({"authorization": OWNER}, 401, "Bearer"),
            ({"authorization": f"Bearer {OWNER}, Bearer {READER}"}, 401, 'Bearer error="invalid_token"'),
            (bearing(READER), 403, 'Bearer error="insufficient_scope"'),
            (bearing(OWNER), 200, None),
            ({"authorization": f"bearer  {OWNER}"}, 200, None),
        ],
    )  # fmt: skip
    def test_calls(self, running: Running, headers: dict[str, str], status: int, challenge: str | None) -> None:
        """Also when the same connection asked with a good token just before."""
        for before in (headers, bearing(OWNER)):
            running.http.post("/keep", json={"number": 7}, headers=before)
            answer = running.http.post("/keep", json={"number": 7}, headers=headers)
            assert (answer.status_code, answer.headers.get("www-authenticate")) == (status, challenge)
            if status != 200:
                assert answer.json()["status"] == status
                assert OWNER not in answer.text

    def test_two_tokens_in_one_request(self, running: Running) -> None:
        twice = [("authorization", f"Bearer {OWNER}"), ("authorization", f"Bearer {OWNER}")]
        answer = running.http.post("/keep", json={"number": 7}, headers=twice)
        assert (answer.status_code, answer.json()["detail"]) == (401, "a request must bear one token")

    def test_scope(self, running: Running) -> None:
        """A token for one endpoint opens that one, and no unknown path."""
        assert running.http.post("/look", json={}, headers=bearing(READER)).status_code == 200
        assert running.http.get("/nowhere", headers=bearing(READER)).status_code == 403
        assert running.http.get("/nowhere", headers=bearing(OWNER)).status_code == 404

    def test_clients(self, running: Running) -> None:
        """A client sends its token, raises what the server answers, and does not show the token."""
        with SyncHTTPClient(running.url, token=OWNER) as owner:
            assert owner.keep(7) == owner.look() == 7
            assert OWNER not in repr(owner)
        with SyncHTTPClient(running.url, token=READER, headers={"Authorization": "Basic eA=="}) as reader:
            assert reader.look() == 7
            with pytest.raises(Forbidden, match="not for this path"):
                reader.keep(8)
        with SyncHTTPClient(running.url) as stranger:
            assert stranger.is_ready()
            assert "look" not in dir(stranger)
            with pytest.raises(NotAuthenticated, match="asks for a token"):
                stranger.look()
        with pytest.raises(ConfigError, match="`token` must be letters"):
            SyncHTTPClient(running.url, token=f"{OWNER}\n")

        async def ask() -> Any:
            async with AsyncHTTPClient(running.url, token=OWNER) as client:
                return await client.look()

        assert asyncio.run(ask()) == 7

    def test_nothing_shows_a_token(self, running: Running) -> None:
        """Descriptions, metrics and the log hold no token and no digest."""
        for path in DESCRIBED:
            text = running.http.get(path, headers=bearing(OWNER)).text
            assert OWNER not in text
            assert "auth.tokens" not in text
        assert OWNER not in running.wait_for_log('"POST /keep" 401')
        assert READER not in running.log

    def test_described(self, running: Running) -> None:
        """OpenAPI has the scheme, for Swagger's Authorize button, and says what is open."""
        document = running.http.get("/openapi.json", headers=bearing(READER)).json()
        assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
        assert document["security"] == [{"bearer": []}]
        assert document["paths"]["/livez"]["get"]["security"] == []
        assert "security" not in document["paths"]["/metrics"]["get"]
        assert {"401", "403"} <= set(document["paths"]["/look"]["post"]["responses"])


@pytest.fixture
async def guarded(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setenv(auth.VARIABLE, OWNER)
    async with asking(Calls) as client:
        yield client


async def test_environment(guarded: httpx.AsyncClient) -> None:
    """A variable guards a service that says nothing of tokens; its metrics stay open."""
    assert (await guarded.post("/add", json={"a": 1})).status_code == 401
    assert (await guarded.post("/add", json={"a": 1}, headers=bearing(OWNER))).json() == 2
    assert (await guarded.get("/metrics")).status_code == 200
    assert (await guarded.get("/docs.json")).status_code == 401


async def test_a_page_of_another_origin_sees_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """CORS stands before the tokens: preflights pass without one, and 401 can be read."""
    monkeypatch.setenv(auth.VARIABLE, OWNER)
    from_page = {"origin": "https://page.example"}
    http = ekiben.service(http={"cors": {"access_control_allow_origins": ["https://page.example"],
                                         "access_control_allow_headers": ["authorization"]}})  # fmt: skip

    @http
    class Paged:
        """Called by a page."""

        @ekiben.api
        def look(self) -> int:
            return 1

    async with asking(Paged) as client:
        asked = {
            **from_page,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        assert (await client.options("/look", headers=asked)).status_code == 200
        answer = await client.post("/look", json={}, headers=from_page)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "https://page.example")


async def test_mounted_apps_and_middleware_see_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user mounted or put around is reached only with a token, WebSockets too."""
    seen: list[str] = []

    class Note:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "lifespan":
                seen.append(scope["path"])
            await self.app(scope, receive, send)

    async def own(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    @ekiben.asgi_middleware(Note)
    @ekiben.asgi_app(own, path="/own")
    @ekiben.service(name="mounted")
    class Mounted:
        """Has an app beside it."""

        @ekiben.api
        def look(self) -> int:
            return 1

    monkeypatch.setenv(auth.VARIABLE, OWNER)
    async with asking(Mounted) as client:
        assert (await client.get("/own/x")).status_code == 401
        assert seen == []
        assert (await client.get("/own/x", headers=bearing(OWNER))).status_code == 204
        assert seen == ["/own/x"]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        app = client._transport.app  # type: ignore[attr-defined]
        socket = {"type": "websocket", "path": "/own/x", "headers": []}
        await app(dict(socket), receive, send)
        await app({**socket, "extensions": {"websocket.http.response": {}}}, receive, send)
        assert sent[0] == {"type": "websocket.close", "code": 1008}
        assert (sent[1]["status"], (b"www-authenticate", b"Bearer") in sent[1]["headers"]) == (401, True)
        assert seen == ["/own/x"]


SPEC = ServiceSpec("s", http=HttpSpec(auth=AuthSpec((TokenSpec("staff", env="STAFF"),))))


@pytest.mark.parametrize(
    ("spec", "environ", "words"),
    [
        (SPEC, {}, "`staff` is in the variable STAFF, which is not set"),
        (SPEC, {"STAFF": ""}, "the variable STAFF must hold a token"),
        (SPEC, {"STAFF": "secret"}, "the variable STAFF must hold a token of 16"),
        (ServiceSpec("s"), {auth.VARIABLE: ""}, "EKIBEN_AUTH_TOKEN must hold a token"),
        (ServiceSpec("s"), {auth.FILE: ""}, "EKIBEN_AUTH_TOKEN_FILE is set and empty"),
        (ServiceSpec("s"), {auth.FILE: "/nowhere/tokens"}, "cannot be read: No such file .*: /nowhere/tokens"),
        (ServiceSpec("s"), {auth.FILE: "x", auth.VARIABLE: OWNER}, "only one of"),
        (ServiceSpec("s", http=HttpSpec(auth=AuthSpec())), {}, "`auth` has no token"),
        (ServiceSpec("s", http=HttpSpec(auth=AuthSpec((TokenSpec("t", env="A", endpoints=("nope",)),)))), {"A": OWNER},
         "`t` is for an endpoint that there is not: 'nope'"),
    ],
)  # fmt: skip
def test_refused_at_start(spec: ServiceSpec, environ: dict[str, str], words: str) -> None:
    """A secret that did not arrive keeps the service from starting; it never opens it."""
    with pytest.raises(ConfigError, match=words) as caught:
        auth.plan(spec, (), (), environ)
    assert "secret" not in str(caught.value)


def test_file(tmp_path: Path) -> None:
    """A file holds a token a line, with comments; a bad line is named, not shown."""
    file = tmp_path / "tokens"
    file.write_text(f"# staff\n{OWNER}  # the owner\n\n{READER}\n")
    rule = auth.plan(ServiceSpec("s"), (), (), {auth.FILE: str(file)})
    assert rule is not None
    for token in (OWNER, READER):
        rule.check("/x", [f"Bearer {token}".encode()])
    file.write_text(f"{OWNER}\nbad secret\n")
    with pytest.raises(ConfigError, match="tokens, line 2, must hold a token") as caught:
        auth.plan(ServiceSpec("s"), (), (), {auth.FILE: str(file)})
    assert "bad secret" not in str(caught.value)
    for content, words in ((b"# none\n", "holds no token"), (b"#" * (auth.LARGEST + 1), "at most")):
        file.write_bytes(content)
        with pytest.raises(ConfigError, match=words):
            auth.plan(ServiceSpec("s"), (), (), {auth.FILE: str(file)})


def test_environment_stands_in_place_of_the_service() -> None:
    """Who serves has the last word: tokens in code are gone once a variable is set."""
    rule = auth.plan(SPEC, (), (), {auth.VARIABLE: OWNER, "STAFF": READER})
    assert rule is not None
    rule.check("/x", [f"Bearer {OWNER}".encode()])
    with pytest.raises(NotAuthenticated):
        rule.check("/x", [f"Bearer {READER}".encode()])


def test_tasks() -> None:
    """The routes of a task belong to its endpoint, and what lies deeper does not."""
    known = auth.Known(auth.digest(READER, ""), frozenset({"train"}))
    rule = auth.Authorizer([known], (), (), {"/train": "train", "/look": "look"}, ["/train"])
    value = [f"Bearer {READER}".encode()]
    for path in ("/train", "/train/submit", "/train/status"):
        rule.check(path, value)
    for path in ("/look", "/train/submit/x", "/training", "/look/submit", "/"):
        with pytest.raises(Forbidden):
            rule.check(path, value)
        assert not rule.lets_in(path, {b"authorization": value[0]})


def test_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every token is compared, whole digests by `compare_digest`, whichever is right."""
    pairs: list[tuple[bytes, bytes]] = []
    real = auth.hmac.compare_digest
    monkeypatch.setattr(auth.hmac, "compare_digest", lambda a, b: pairs.append((a, b)) or real(a, b))
    tokens = [auth.Known(auth.digest(token, ""), None) for token in (OWNER, READER)]
    rule = auth.Authorizer(tokens, (), (), {}, ())
    for given in (OWNER, READER, "x", "y" * 100_000):
        pairs.clear()
        rule.lets_in("/x", {b"authorization": f"Bearer {given}".encode()})
        assert [(len(a), len(b)) for a, b in pairs] == [(32, 32), (32, 32)]


def test_print_config_hides_tokens() -> None:
    @ekiben.service(auth={"tokens": [{"token": OWNER}]})
    class Kept:
        """Guarded."""

        @ekiben.api
        def look(self) -> int:
            return 1

    shown = json.dumps([list(each) for each in effective(Kept.__ekiben_service__())], default=str)  # type: ignore[attr-defined]
    assert OWNER not in shown
    assert "auth.tokens" in shown
