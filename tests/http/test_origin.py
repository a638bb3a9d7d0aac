"""A page of another origin cannot call a service that its reader happens to run."""

from typing import Any

import httpx
import pytest
from starlette.middleware.cors import CORSMiddleware

import ekiben
from ekiben.core.errors import Forbidden
from ekiben.core.spec import CorsSpec
from ekiben.http.origin import Guard
from tests.http.calls import Calls
from tests.http.within import asking

LOCAL = {"server": ("127.0.0.1", 3000)}
OUTSIDE = {"server": ("10.0.0.7", 3000)}
UNIX = {"server": None}


def headers(**given: str) -> dict[bytes, bytes]:
    return {name.replace("_", "-").encode(): value.encode() for name, value in given.items()}


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        pytest.param(LOCAL, headers(origin="http://localhost:3000", host="localhost:3000"), id="our own page"),
        pytest.param(LOCAL, headers(origin="http://127.0.0.1:3000", host="127.0.0.1:3000"), id="by address"),
        pytest.param(LOCAL, headers(origin="http://[::1]:3000", host="[::1]:3000"), id="by IPv6 address"),
        pytest.param(LOCAL, headers(origin="http://LOCALHOST:3000", host="localhost:3000"), id="case does not matter"),
        pytest.param(LOCAL, headers(origin="http://x.localhost", host="x.localhost"), id="a name below localhost"),
        pytest.param(OUTSIDE, headers(origin="http://models.corp", host="models.corp"), id="a name on a network"),
        pytest.param(UNIX, headers(origin="http://models.corp", host="models.corp"), id="behind a Unix socket"),
        pytest.param(LOCAL, headers(origin="https://a.b", host="1.1.1.1", sec_fetch_site="same-origin"), id="a proxy"),
        pytest.param(LOCAL, headers(sec_fetch_site="none", host="localhost"), id="typed by a person"),
    ],
)  # fmt: skip
def test_let_in(scope: Any, given: dict[bytes, bytes]) -> None:
    Guard(None, proxied=False).check(scope, given)


@pytest.mark.parametrize(
    ("scope", "given"),
    [
        pytest.param(LOCAL, headers(origin="https://evil.example", host="localhost:3000"), id="another origin"),
        pytest.param(LOCAL, headers(origin="null", host="localhost:3000"), id="a sandboxed page"),
        pytest.param(LOCAL, headers(origin="http://localhost:8080", host="localhost:3000"), id="another port"),
        pytest.param(LOCAL, headers(origin="http://evil.example:3000", host="evil.example:3000"), id="DNS rebinding"),
        pytest.param(LOCAL, headers(origin="http://localhost.evil.example", host="localhost.evil.example"), id="tail"),
        pytest.param(LOCAL, headers(sec_fetch_site="cross-site", host="localhost"), id="another site without origin"),
        pytest.param(LOCAL, headers(sec_fetch_site="same-site", host="localhost"), id="a neighbour on the same site"),
        pytest.param(LOCAL, headers(origin="http://[::1", host="localhost"), id="an origin that is none"),
        pytest.param(LOCAL, headers(origin="http://x"), id="no host"),
        pytest.param(OUTSIDE, headers(origin="https://evil.example", host="models.corp"), id="another origin outside"),
    ],
)  # fmt: skip
def test_refused(scope: Any, given: dict[bytes, bytes]) -> None:
    with pytest.raises(Forbidden):
        Guard(None, proxied=False).check(scope, given)


@pytest.mark.parametrize(
    ("cors", "origin", "passes"),
    [
        (CorsSpec(origins=("*",)), "https://any.example", True),
        (CorsSpec(origins=("https://a.example",)), "https://a.example", True),
        (CorsSpec(origins=("https://a.example",)), "https://a.example.evil", False),
        (CorsSpec(origin_regex=r"https://.*\.good\.example"), "https://x.good.example", True),
        (CorsSpec(origin_regex=r"https://.*\.good\.example"), "https://x.good.example.evil", False),
    ],
)
def test_cors_lets_in(cors: CorsSpec, origin: str, passes: bool) -> None:
    """Origins that CORS names pass, whole names only."""
    assert Guard(cors, proxied=False).allows(origin) is passes


def test_a_declared_proxy_may_name_any_host() -> None:
    """Behind a declared proxy a page may call by the proxy's name."""
    given = headers(origin="http://models.corp", host="models.corp")
    Guard(None, proxied=True).check(LOCAL, given)


async def test_programs_pass_and_pages_do_not() -> None:
    """Programs send no origin and pass; a form or script of another page gets 403, whatever its content type."""
    async with asking(Calls) as client:
        assert (await client.post("/add", json={"a": 1})).status_code == 200
        evil = {"origin": "https://evil.example"}
        answers: list[httpx.Response] = [
            await client.post("/add", json={"a": 1}, headers=evil),
            await client.post("/add", data={"a": 1}, headers=evil),
            await client.post("/add", content=b'{"a": 1}', headers={**evil, "content-type": "text/plain"}),
        ]
    assert {answer.status_code for answer in answers} == {403}
    assert "http.cors" in answers[0].json()["hint"]


class Stricter(CORSMiddleware):
    """A class of the user's own."""


@pytest.mark.parametrize(
    ("middleware", "origin", "allowed"),
    [
        pytest.param(
            [(CORSMiddleware, {"allow_origins": ["https://a.example"]})], "https://a.example", True, id="named"
        ),
        pytest.param(
            [(CORSMiddleware, {"allow_origins": ["https://a.example"]})], "https://b.example", False, id="not"
        ),
        pytest.param([(CORSMiddleware, {"allow_origins": ["*"]})], "https://b.example", True, id="all"),
        pytest.param(
            [(CORSMiddleware, {"allow_origin_regex": r"https://.*\.example"})],
            "https://x.example",
            True,
            id="a pattern",
        ),
        pytest.param(
            [(CORSMiddleware, {"allow_origin_regex": r"https://.*\.example"})],
            "https://x.example.evil",
            False,
            id="a pattern holds to the end",
        ),
        pytest.param(
            [(Stricter, {"allow_origins": ("https://a.example",)})], "https://a.example", True, id="a subclass"
        ),
        pytest.param([(CORSMiddleware, {})], "https://a.example", False, id="none is named"),
        pytest.param([(dict, {"allow_origins": ["*"]})], "https://a.example", False, id="another class"),
        pytest.param([(print, {"allow_origins": ["*"]})], "https://a.example", False, id="a function"),
    ],
)
def test_let_in_by_the_users_middleware(middleware: Any, origin: str, allowed: bool) -> None:
    """Whom a CORSMiddleware of the user's lets in may call; nobody else may."""
    assert Guard(None, proxied=False, middleware=middleware).allows(origin) is allowed


async def test_the_users_middleware_is_heeded() -> None:
    """A page that the service's own CORSMiddleware lets in gets its answer, another one is refused."""

    @ekiben.service
    class Shop:
        """Says a price."""

        @ekiben.api
        def price(self) -> int:
            return 3

    Shop.add_asgi_middleware(CORSMiddleware, allow_origins=["https://shop.example"])
    async with asking(Shop) as caller:
        good = await caller.post("/price", json={}, headers={"Origin": "https://shop.example"})
        evil = await caller.post("/price", json={}, headers={"Origin": "https://evil.example"})
    assert (good.status_code, evil.status_code) == (200, 403)
    assert good.headers["access-control-allow-origin"] == "https://shop.example"
