"""Several services in one server: each answers below its place as if it were alone, in both lanes."""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import ekiben
from ekiben.http.fast import LANES
from tests.http.lanes import Lane, comparable, lane, request
from tests.http.sockets import Sockets
from tests.http.stalls import (
    OTHER,
    SEEN,
    TOKEN,
    Covered,
    Guarded,
    Mounted,
    Narrow,
    Plain,
    Several,
    Walled,
)
from tests.servers import HOST

CLOSE: dict[str, Any] = {"connection": "close"}
ALL = {
    "a": Plain,
    "b": Plain,
    "narrow": Narrow,
    "guarded": Guarded,
    "walled": Walled,
    "mounted": Mounted,
    "ws": Sockets,
}


@pytest.fixture(scope="module", params=LANES)
def stall(request: pytest.FixtureRequest) -> Iterator[Lane]:
    # With a wall and a mount the fast lane is not asked for: it is taken where it can be.
    with lane(Several(ALL), "asgi" if request.param == "asgi" else None) as running:
        yield running


@pytest.fixture
def http(stall: Lane) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{HOST}:{stall.port}", timeout=60, trust_env=False) as client:
        yield client


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


class TestCalls:
    """A call reaches its service, and only what is that service's own."""

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(request("@/add", **CLOSE), id="a call"),
            pytest.param(request("@/add", b'{"a": "x"}', **CLOSE), id="a wrong value"),
            pytest.param(request("@/add", b"{", **CLOSE), id="no JSON"),
            pytest.param(request("@/add?x=1", **CLOSE), id="a query"),
            pytest.param(request("@/letters", b'{"text": "abc"}', **CLOSE), id="a stream"),
            pytest.param(request("@/add", method="GET", body=b"", **CLOSE), id="a wrong method"),
            pytest.param(request("@/add", method="OPTIONS", body=b"", **CLOSE), id="options"),
            pytest.param(request("http://localhost@/add", **CLOSE), id="an absolute URL"),
            pytest.param(request("@/schema.json", method="GET", body=b"", **CLOSE), id="what clients read"),
        ],
    )
    def test_as_alone(self, stall: Lane, raw: bytes) -> None:
        """An answer below a place is the answer of the service alone, but for the place."""
        with lane(Plain, "asgi") as alone:
            expected = comparable(alone.say(raw.replace(b"@", b"")))
        for place in (b"/a", b"/b"):
            found = comparable(stall.say(raw.replace(b"@", place)))
            if b"schema.json" in raw:
                found = found.replace(b'"name":"%b"' % place[1:], b'"name":"Plain"')
                found, expected = (re.sub(rb"content-length: \d+", b"", each) for each in (found, expected))
            size = re.compile(rb"content-length: \d+")
            told = found.replace(place + b"/", b"/")
            assert told == expected or size.sub(b"", told) == size.sub(b"", expected)

    def test_the_fast_lane(self, stall: Lane) -> None:
        """In the fast lane plain calls of each service go past the app; what must be seen by others does not."""
        before = len(stall.counting.scopes)
        for path in ("/a/add", "/b/add", "/mounted/add"):
            assert b"200 OK" in stall.say(request(path, **CLOSE))
        routes: Any = stall.server.config.http_protocol_class
        if routes.routes:
            assert len(stall.counting.scopes) == before
            assert {b"/a/add", b"/b/add", b"/guarded/add", b"/mounted/add", b"/narrow/size"} <= set(routes.routes)
            assert b"/walled/add" not in routes.routes
        else:
            assert len(stall.counting.scopes) == before + 3

    def test_pipelined(self, stall: Lane) -> None:
        """Requests for several services come back in their order, over one connection."""
        said = stall.say(
            request("/a/add", b'{"a": 1}') + request("/mounted/add", b'{"a": 2}')
            + request("/nowhere") + request("/b/add", b'{"a": 3}', **CLOSE)
        )  # fmt: skip
        assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"200", b"404", b"200"]
        assert re.findall(rb"\r\n\r\n(\d+)HTTP|\r\n\r\n(\d+)$", said)[0][0] == b"2"

    def test_middleware(self, http: httpx.Client) -> None:
        """A middleware guards its own service, all of it, and no other."""
        for path in ("/walled/add", "/walled/nowhere", "/walled/docs"):
            answer = http.post(path, json={"a": 1})
            assert (answer.status_code, answer.text) == (418, path)
        assert http.post("/a/add", json={"a": 1}).text == "2"

    def test_mounts(self, http: httpx.Client) -> None:
        """A mounted app is found below its service's place, and nowhere else."""
        assert http.get("/mounted/own/where").json() == {"at": "own"}
        assert http.get("/own/where").status_code == 404
        assert http.get("/a/own/where").status_code == 404

    def test_sockets(self, stall: Lane) -> None:
        """A WebSocket reaches the mounted app of its service, and is refused elsewhere."""
        with connect(f"ws://{HOST}:{stall.port}/ws/own/speak?a=1") as socket:
            assert json.loads(socket.recv(timeout=60)) == {"root": "/ws/own", "query": "1"}
        for path in ("/own/speak", "/a/own/speak", "/", "/guarded/own"):
            with pytest.raises(InvalidStatus), connect(f"ws://{HOST}:{stall.port}{path}"):
                pytest.fail(path)

    def test_limits(self, http: httpx.Client) -> None:
        """Limits hold for their own service: of a body, of headers."""
        assert http.post("/narrow/size", json=[1] * 100).status_code == 413
        assert http.post("/narrow/size", json=[1, 2], headers={f"x-{n}": "1" for n in range(9)}).status_code == 431
        assert http.post("/a/add", json={"a": 1}, headers={f"x-{n}": "1" for n in range(9)}).text == "2"

    def test_concurrency(self, stall: Lane, http: httpx.Client) -> None:
        """A service that is full refuses, while others answer."""
        target: Any = stall.server.app.apps[2].dispatcher.instance.target  # type: ignore[union-attr]  # it runs
        answers: list[str] = []

        def wait() -> None:
            answers.append(httpx.post(f"{http.base_url}/narrow/wait", json={"name": "x"}, timeout=60).text)

        thread = threading.Thread(target=wait)
        thread.start()
        assert target.inside.wait(60)
        refused = http.post("/narrow/wait", json={})
        assert refused.status_code == 429
        assert http.post("/a/add", json={"a": 1}).text == "2"
        target.gate.set()
        thread.join(60)
        assert answers == ["x"]
        assert http.post("/narrow/size", json=[1, 2]).json() == [2, 2]


class TestOfAll:
    """What is of all is answered by the server itself."""

    def test_start(self, http: httpx.Client) -> None:
        """`/` is the docs page of all, a place that of its service."""
        assert http.get("/").text == http.get("/docs").text
        assert http.get("/a").headers["location"] == "a/docs"
        assert http.get("/a/").text == http.get("/a/docs").text != http.get("/").text
        for path in ("/docs", "/docs/start.js", "/a/docs", "/a/docs/start.js"):
            assert http.get(path).status_code == 200

    def test_one_document(self, http: httpx.Client) -> None:
        """`/openapi.json` tells of what the token that asks opens, one below a place of that service."""
        told = http.get("/openapi.json").json()
        assert {"/a/add", "/b/add", "/narrow/size", "/livez"} <= set(told["paths"])
        assert not [path for path in told["paths"] if path.startswith("/guarded")]
        assert "/guarded/add" in http.get("/openapi.json", headers=bearing(TOKEN)).json()["paths"]
        assert "/guarded/add" not in http.get("/openapi.json", headers=bearing(OTHER)).json()["paths"]
        assert set(http.get("/b/openapi.json").json()["paths"]) > {"/b/add", "/b/livez"}
        assert http.get("/docs.json").json() == told

    def test_no_schema(self, http: httpx.Client) -> None:
        """A client of the server as a whole is told where the services are."""
        answer = http.get("/schema.json")
        assert (answer.status_code, "/a, /b, /narrow" in answer.json()["hint"]) == (404, True)
        with ekiben.SyncHTTPClient(str(http.base_url)) as client, pytest.raises(ekiben.exceptions.NotFound) as caught:
            client.add(a=1)
        assert "/a, /b, /narrow" in str(caught.value.hint)

    def test_clients(self, http: httpx.Client) -> None:
        """A client of one service is given its address with the place."""
        with ekiben.SyncHTTPClient(f"{http.base_url}/b") as client:
            assert client.is_ready()
            assert client.add(a=2) == 3
            assert "".join(client.letters("abc")) == "abc"

    @pytest.mark.parametrize(
        ("path", "hint"),
        [
            pytest.param("/size", "did you mean /narrow/size?", id="without its place"),
            pytest.param("/narow/size", "did you mean /narrow/size", id="with a slip in the place"),
            pytest.param("/zzzzzzzzzzzzzzzz", "the services are at /a, /b, /narrow", id="like nothing"),
        ],
    )
    def test_nowhere(self, http: httpx.Client, path: str, hint: str) -> None:
        """A path that is of no service gets 404, and what is near."""
        answer = http.post(path, json={})
        assert answer.status_code == 404
        assert answer.json()["hint"].startswith(hint)

    def test_nowhere_for_strangers(self, http: httpx.Client) -> None:
        """What is near is told of services that the token opens, and of no others."""
        assert "/guarded/" not in http.post("/guardedd/add").json()["hint"]
        assert "/guarded/add" in http.post("/guardedd/add", headers=bearing(TOKEN)).json()["hint"]
        assert "/guarded/" not in http.post("/guardedd/add", headers=bearing(OTHER)).json()["hint"]

    def test_options_of_all(self, stall: Lane) -> None:
        """Asked for the server as a whole, OPTIONS names the methods of all services too."""
        assert b"allow: GET, HEAD, POST, OPTIONS" in stall.say(request("*", method="OPTIONS", body=b"", **CLOSE))

    @pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/a/livez", "/a/readyz", "/guarded/readyz"])
    def test_probes(self, http: httpx.Client, path: str) -> None:
        answer = http.get(path)
        assert (answer.status_code, answer.text) == (200, "\n")

    def test_one_scrape(self, http: httpx.Client) -> None:
        """`/metrics` counts all by service, each name once; those of a place are of its service."""
        http.post("/a/add", json={"a": 1})
        http.post("/guarded/add", json={"a": 1})
        SEEN.inc()
        text = http.get("/metrics").text
        assert re.search(r'ekiben_request_total\{endpoint="/a/add",.*service_name="a".*\} [1-9]', text)
        assert 'endpoint="/guarded/add",http_response_code="401",service_name="guarded"' in text
        assert "tests_stall_seen_total" in text
        types = re.findall("^# TYPE (.*) ", text, re.MULTILINE)
        assert len(types) == len(set(types))
        own = http.get("/a/metrics").text
        assert 'service_name="a"' in own
        assert 'service_name="b"' not in own

    def test_tokens(self, http: httpx.Client) -> None:
        """A token of one service guards that one alone."""
        assert http.post("/guarded/add", json={"a": 1}).status_code == 401
        assert http.post("/guarded/add", json={"a": 1}, headers=bearing(OTHER)).status_code == 401
        assert http.post("/guarded/add", json={"a": 1}, headers=bearing(TOKEN)).text == "2"
        for path in ("/guarded/schema.json", "/guarded/openapi.json", "/guarded/nowhere"):
            assert http.get(path).status_code == 401
        assert http.post("/a/add", json={"a": 1}).text == "2"

    def test_sneaking(self, stall: Lane) -> None:
        """No way of writing a path leads past the tokens of its service."""
        for path in ("/a/../guarded/add", "//guarded/add", "/guarded%2fadd", "/%67uarded/add", "/guarded//add"):
            assert b" 200 OK" not in stall.say(request(path, **CLOSE)), path


def test_nobody_may() -> None:
    """Where each service asks for a token, what is of all does too, and shows what a token opens."""

    @ekiben.service(auth={"tokens": [OTHER], "metrics": True})
    class Closed:
        @ekiben.api
        def add(self, a: int) -> int:
            return a

    @ekiben.service(auth={"tokens": [TOKEN], "metrics": True})
    class Open:
        @ekiben.api
        def add(self, a: int) -> int:
            return a

    with ekiben.serve([Closed, Open]) as server, httpx.Client(base_url=server.url) as http:
        for path in ("/openapi.json", "/metrics"):
            assert (http.get(path).status_code, http.get(path).headers["www-authenticate"]) == (401, "Bearer")
        http.post("/Open/add", json={"a": 1}, headers=bearing(TOKEN))
        SEEN.inc()
        text = http.get("/metrics", headers=bearing(TOKEN)).text
        assert 'service_name="Open"' in text
        assert "Closed" not in text
        assert "tests_stall_seen" not in text  # nobody knows whose it is
        assert "Closed" not in http.get("/openapi.json", headers=bearing(TOKEN)).text.replace("Closed, Open", "")
        assert http.get("/readyz").status_code == 200


def test_one_token_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of the environment guards all, and what is of all."""
    monkeypatch.setenv("EKIBEN_AUTH_TOKEN", TOKEN)
    with ekiben.serve([Plain, Narrow]) as server, httpx.Client(base_url=server.url) as http:
        for path in ("/openapi.json", "/Plain/openapi.json", "/schema.json", "/nowhere"):
            assert http.get(path).status_code == 401, path
        assert http.get("/openapi.json", headers=bearing(TOKEN)).status_code == 200
        for path in ("/metrics", "/readyz", "/docs", "/", "/Plain", "/Plain/docs"):
            assert http.get(path).status_code in (200, 307), path


def test_a_covered_place() -> None:
    """An app that is mounted at the root of a service stands at its place, in front of the docs."""
    with ekiben.serve([Covered, Plain]) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/Covered/").json() == "a page of mine"
        assert http.get("/Covered/docs").status_code == 200
        assert http.get("/").text == http.get("/docs").text


def test_described_in_json() -> None:
    """The address of a service's routes is that of its place, for clients."""
    with ekiben.serve({"a": Plain}) as server:
        told = json.loads(httpx.get(f"{server.url}/a/schema.json").content)
        assert [route["route"] for route in told["routes"]] == ["/add", "/letters"]
        assert told["name"] == "a"
