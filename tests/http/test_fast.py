"""Only plain calls go past the app, and of a service that somebody has to guard none do."""

import logging
from typing import Any

import pytest
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.spec import CorsSpec, HttpSpec, Limits
from ekiben.http import fast
from ekiben.http.access import AccessLog
from ekiben.http.app import App
from ekiben.http.cycle import Cycle
from ekiben.http.exchange import Receive, Scope, Send
from ekiben.http.listen import Listen
from ekiben.http.metrics import Tally
from ekiben.http.server import Server
from ekiben.schema.codec import plan
from tests.http.beside import own
from tests.http.calls import Calls
from tests.http.lanes import lane, request
from tests.http.within import bound

ENDPOINTS = ["/add", "/double", "/scale", "/measure", "/gather", "/keep", "/paint", "/numbers", "/fail", "/text",
             "/streamed"]  # fmt: skip


class Guard:
    """Answers 401 to everything without a password."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"x-password", b"tuna") not in scope["headers"]:
            await PlainTextResponse("who are you?", 401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


@ekiben.asgi_middleware(Guard)
@ekiben.service(name="guarded")
class Guarded:
    """One endpoint of each kind, behind middleware."""

    @ekiben.api
    def sync(self) -> str:
        """Answer from the thread."""
        return "open"

    @ekiben.api
    async def on_loop(self) -> str:
        """Answer from the loop."""
        return "open"

    @ekiben.api(batchable=True)
    def batched(self, rows: list[int]) -> list[int]:
        """Answer a batch."""
        return rows


@ekiben.asgi_app(own, path="/")
@ekiben.service(name="covered")
class Covered:
    """Has an app over all of its routes."""

    @ekiben.api
    def sync(self) -> str:
        """Answer."""
        return "open"


@ekiben.asgi_app(own, path="/own")
@ekiben.service(name="beside")
class Beside:
    """Has an app beside its routes."""

    @ekiben.api
    def sync(self) -> str:
        """Answer."""
        return "open"


@ekiben.service(name="asking")
class Asking:
    """Takes contexts only."""

    @ekiben.api
    def sync(self, ctx: ekiben.Context) -> str:
        """Answer."""
        return ctx.request_id


@pytest.mark.slow
@pytest.mark.parametrize("name", [None, "asgi"])
def test_middleware_guards_every_endpoint(name: str | None) -> None:
    """A 401 of the user's middleware stands before every endpoint, in whatever lane the server runs."""
    with lane(Guarded, name) as running:
        for path, body in (("/sync", b"{}"), ("/on_loop", b"{}"), ("/batched", b'{"rows": [1]}')):
            assert running.say(request(path, body, connection="close")).startswith(b"HTTP/1.1 401 "), path
            told = running.say(request(path, body, x_password="tuna", connection="close"))
            assert told.startswith(b"HTTP/1.1 200 "), path


@pytest.mark.parametrize(
    ("service", "words"),
    [
        pytest.param(Guarded, "the middleware `Guard` must see every request", id="middleware"),
        pytest.param(Covered, "the app that is mounted at / covers /sync", id="a mount that covers a route"),
        pytest.param(Asking, "no endpoint takes plain calls", id="endpoints that all take a context"),
    ],
)
def test_refused(service: Any, words: str, caplog: pytest.LogCaptureFixture) -> None:
    """Asked for where something forbids it, the fast lane is refused with the reason; by default a line tells it."""
    with pytest.raises(ConfigError, match=words):
        Server(bound(service), Listen(port=0, lane="fast"))
    logging.getLogger("ekiben").propagate = True
    with caplog.at_level(logging.INFO, "ekiben"):
        Server(bound(service), Listen(port=0, lane="asgi"))
        assert "through the ASGI app" not in caplog.text
        chosen: Any = Server(bound(service), Listen(port=0)).config.http_protocol_class
    assert f"every request goes through the ASGI app: {words}" in caplog.text
    assert chosen.routes == {}


def test_unknown_lane() -> None:
    """A lane that there is not is refused by name."""
    with pytest.raises(ConfigError, match="`lane` must be asgi or fast: 'slow'"):
        Server(bound(Calls), Listen(port=0, lane="slow"))


def test_planned() -> None:
    """Routes are planned for what takes plain calls, below the prefix, and not for contexts or odd paths."""
    assert sorted(App(bound(Calls)).routes) == sorted(path.encode() for path in ENDPOINTS)
    prefixed = App(bound(Calls, http=HttpSpec(path_prefix="/v1")))
    assert set(prefixed.routes) == {b"/v1" + path.encode() for path in ENDPOINTS}
    assert App(bound(Calls, http=HttpSpec(path_prefix="/a%41"))).routes == {}
    assert list(App(bound(Beside)).routes) == [b"/sync"]


def test_cors_leaves_the_lane_open() -> None:
    """CORS matters to requests with an origin only, and these go to the app."""
    app = App(bound(Calls, http=HttpSpec(cors=CorsSpec(origins=("http://page.example",)))))
    assert app.obstacle is None
    assert isinstance(app._chain, CORSMiddleware)
    assert app.routes[b"/add"].read([(b"origin", b"http://page.example")]) is None


PLAIN = [(b"host", b"x"), (b"content-type", b"application/json"), (b"content-length", b"2")]


def route(*, proxied: bool = False, authorize: fast.Authorize | None = None, **limits: int) -> fast.Route:
    found = bound(Calls)
    access: AccessLog | None = None
    shared = fast.Shared(
        App(found).dispatcher.door, Limits(**limits), 4096, b"x-request-id", fast.Inside(), access, proxied, Cycle,
        authorize,
    )  # fmt: skip
    endpoint = next(each for each in found.spec.endpoints if each.name == "add")
    return fast.Route(endpoint, "/add", plan(found.signatures["add"]), Tally(()), shared)


@pytest.mark.parametrize(
    ("lines", "is_taken"),
    [
        pytest.param([], True, id="plain"),
        pytest.param([(b"accept", b"text/html")], True, id="any accept"),
        pytest.param([(b"content-encoding", b"gzip")], False, id="packed"),
        pytest.param([(b"transfer-encoding", b"chunked")], False, id="in chunks"),
        pytest.param([(b"expect", b"100-continue")], False, id="with an expectation"),
        pytest.param([(b"upgrade", b"h2c")], False, id="an upgrade"),
        pytest.param([(b"origin", b"null")], False, id="from a page"),
        pytest.param([(b"sec-fetch-site", b"none")], False, id="from a browser"),
        pytest.param([(b"x-forwarded-for", b"1.2.3.4")], True, id="a proxy that nobody believes"),
        pytest.param([(b"host", b"y")], False, id="a header twice"),
        pytest.param([(b"x", b"y" * 500)], False, id="over the limit of all headers"),
        pytest.param([(b"x%d" % n, b"") for n in range(8)], False, id="more headers than allowed"),
    ],
)  # fmt: skip
def test_taken(lines: list[tuple[bytes, bytes]], is_taken: bool) -> None:
    """A request that needs somebody else's judgement is left to the app."""
    assert (route(max_headers=10, max_header_size=400).read(PLAIN + lines) is not None) is is_taken


@pytest.mark.parametrize(
    ("length", "is_taken"),
    [(b"0", True), (b"1000", True), (b"1001", False), (b"-1", False), (b"+1", False), (b"1_0", False), (b"", False)],
)
def test_lengths(length: bytes, is_taken: bool) -> None:
    """Only a plain number within the limit of a body is one that the fast lane reads."""
    assert (route(max_body=1000).read([*PLAIN[:2], (b"content-length", length)]) is not None) is is_taken


def test_a_believed_proxy_is_left_to_the_app() -> None:
    """Where proxies are believed, what they say of the client is read by the app."""
    assert route(proxied=True).read([*PLAIN, (b"x-forwarded-for", b"1.2.3.4")]) is None
    assert route(proxied=True).read(PLAIN) is not None


def test_authorize() -> None:
    """A request that is not let in by its headers is left to the app, which tells why."""
    guarded = route(authorize=lambda path, headers: path == "/add" and headers.get(b"authorization") == b"Bearer tuna")
    assert guarded.read(PLAIN) is None
    assert guarded.read([*PLAIN, (b"authorization", b"Bearer tuna")]) is not None


def test_head() -> None:
    """The start of an answer is made once for a server's second, and a body that gains by gzip has an end."""
    made, first, second = route(), [(b"date", b"1"), (b"server", b"s")], [(b"date", b"2")]
    head = made.head("application/json", first)
    assert head.start.split(b"\r\n") == [
        b"HTTP/1.1 200 OK", b"date: 1", b"server: s", b"content-type: application/json", b"content-length: "
    ]  # fmt: skip
    assert made.head("application/json", first) is head
    assert b"date: 2" in made.head("application/json", second).start
    assert (head.most, made.head("image/png", second).most) == (4095, float("inf"))
