"""The app finds who answers, wraps the user's middleware and CORS around, and answers every failure in one form."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ekiben.core.errors import ServiceLoadError
from ekiben.core.spec import CorsSpec, HttpSpec, Limits, MetricsSpec, Style
from ekiben.http.app import App
from tests.http.calls import Calls
from tests.http.within import asking, bound, started


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with asking(Calls) as client:
        yield client


@pytest.mark.parametrize(
    ("how", "status", "text"),
    [
        pytest.param("ours", 400, "`how` must be kind: 'ours'", id="our error keeps its words"),
        pytest.param("theirs", 418, "short and stout", id="Starlette's HTTPException keeps its own"),
        pytest.param("bug", 500, "an error occurred in the service; its log says which", id="a bug tells nothing"),
        pytest.param("exit", 500, "an error occurred in the service; its log says which", id="nor does an exit"),
    ],
)
async def test_failures(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, how: str, status: int, text: str
) -> None:
    logging.getLogger("ekiben").propagate = True
    answer = await client.post("/fail", json={"how": how}, headers={"x-request-id": "r-77"})
    body = answer.json()
    assert (answer.status_code, body["status"], body["error"], body["detail"]) == (status, status, text, text)
    assert (body["type"], answer.headers["content-type"]) == ("about:blank", "application/problem+json")
    assert "12345" not in answer.text
    assert ("r-77" in caplog.text) is (status == 500)  # our own fault is logged, with the request that met it


async def test_other_error_style() -> None:
    """The form of errors is data: another style has one member, as JSON."""
    async with asking(Calls, style=Style(error_style="object")) as client:
        answer = await client.post("/fail", json={"how": "ours"})
        assert (answer.json(), answer.headers["content-type"]) == (
            {"error": "`how` must be kind: 'ours'"},
            "application/json",
        )
        answer = await client.post("/add", json={"a": "x"})
        assert "detail" in answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status", "allow", "hint"),
    [
        pytest.param("GET", "/add", 405, "POST, OPTIONS", "use POST", id="an endpoint takes POST only"),
        pytest.param("DELETE", "/livez", 405, "GET, HEAD, OPTIONS", "use GET or HEAD", id="a probe takes GET only"),
        pytest.param("HEAD", "/add", 405, "POST, OPTIONS", None, id="HEAD where GET is not"),
        pytest.param("POST", "/ad", 404, None, "did you mean /add", id="a near miss is told"),
        pytest.param("POST", "/add/", 404, None, "did you mean /add", id="a slash too much is a near miss"),
        pytest.param("GET", "/" + "x" * 5000, 404, None, None, id="a long path is cut"),
        pytest.param("GET", "/%0d%0aset-cookie:a", 404, None, None, id="line breaks in a path"),
    ],
)
async def test_wrong_turns(
    client: httpx.AsyncClient, method: str, path: str, status: int, allow: str | None, hint: str | None
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (status, allow)
    assert len(answer.content) < 1000
    if hint:
        assert hint in answer.json()["hint"]


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs.json", "/schema.json", "/livez", "/readyz", "/healthz", "/metrics"]
)
async def test_head_is_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    """HEAD answers what GET does, but for the body."""
    plain = {"accept-encoding": "identity"}
    get, head = await client.get(path, headers=plain), await client.head(path, headers=plain)
    assert (head.status_code, head.content) == (get.status_code, b"")
    if path != "/metrics":  # it grows by looking
        assert head.headers["content-length"] == str(len(get.content))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([(f"x-{n}", "1") for n in range(101)], 431, id="too many headers"),
        pytest.param([("x", "y" * 3000)], 431, id="headers too large together"),
        pytest.param([("x", "y" * 1000)], 200, id="large headers within the limit"),
    ],
)
async def test_headers_have_limits(headers: list[tuple[str, str]], status: int) -> None:
    async with asking(Calls, limits=Limits(max_header_size=2000)) as client:
        answer = await client.get("/livez", headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "given",
    ["", "a b", "x" * 129, "a\tb", "ä", "<script>"],
)
async def test_odd_request_ids_are_replaced(client: httpx.AsyncClient, given: str) -> None:
    """A request id that is empty, long or odd is not taken over; two made ids differ."""
    first = (await client.get("/livez", headers={"x-request-id": given.encode()})).headers["x-request-id"]
    second = (await client.get("/livez", headers={"x-request-id": given.encode()})).headers["x-request-id"]
    assert len({given, first, second}) == 3
    assert len(first) == 20


async def test_state_is_one_mapping_a_worker(client: httpx.AsyncClient) -> None:
    """`ctx.state` is shared by all calls, and not by another app of the same service."""
    assert [(await client.post("/count")).json() for _ in range(3)] == [1, 2, 3]
    async with asking(Calls) as other:
        assert (await other.post("/count")).json() == 1


async def test_the_body_can_be_read_again(client: httpx.AsyncClient) -> None:
    """`ctx.request` gives the body once more, though the arguments were read from it."""
    answer = await client.post("/echo", content=b"{}", headers={"content-type": "application/json"})
    assert answer.content == b"{}"


async def test_prefix() -> None:
    """A path prefix stands before everything but /schema.json; `/` leads to the page."""
    async with asking(Calls, http=HttpSpec(path_prefix="/v1")) as client:
        assert (await client.post("/v1/add", json={"a": 1})).json() == 2
        assert (await client.post("/add", json={"a": 1})).status_code == 404
        assert [(await client.get(path)).status_code for path in ("/v1/livez", "/v1/metrics", "/schema.json")] == [
            200
        ] * 3
        assert "/v1/add" in (await client.get("/v1/docs.json")).json()["paths"]
        found = await client.get("/", follow_redirects=True)
        assert found.url.path == "/v1/docs"


async def test_probe_paths_are_options() -> None:
    """A service can name the paths of its probes; an endpoint wins over a page of ours."""
    async with asking(Calls, http=HttpSpec(livez="/alive", readyz="/ready")) as client:
        found = [(await client.get(path)).status_code for path in ("/alive", "/ready", "/healthz", "/livez")]
    assert found == [200, 200, 200, 404]


async def test_metrics_can_be_off() -> None:
    """Without metrics there is no /metrics."""
    async with asking(Calls, http=HttpSpec(metrics=MetricsSpec(enabled=False))) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_cors() -> None:
    """A page of an allowed origin passes its preflight and reads its answer; another page does neither."""
    cors = CorsSpec(origins=("https://page.example",), methods=("POST",), headers=("content-type",))
    async with asking(Calls, http=HttpSpec(cors=cors)) as client:
        asks = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
        for origin, status in (("https://page.example", 200), ("https://other.example", 400)):
            preflight = await client.options("/add", headers={"origin": origin, **asks})
            assert preflight.status_code == status
        good = await client.post("/add", json={"a": 1}, headers={"origin": "https://page.example"})
        assert (good.json(), good.headers["access-control-allow-origin"]) == (2, "https://page.example")
        bad = await client.post("/add", json={"a": 1}, headers={"origin": "https://other.example"})
        assert bad.status_code == 403
        assert "access-control-allow-origin" not in bad.headers


class Tag:
    """Middleware that adds a word to a header, and refuses those without a key."""

    def __init__(self, app: Any, word: str) -> None:
        self.app = app
        self.word = word

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (b"x-key", b"wrong") in scope["headers"]:
            raise RuntimeError("middleware fails")

        async def tagged(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-tag", self.word.encode())]
            await send(message)

        await self.app(dict(scope), receive, tagged)


async def test_middleware() -> None:
    """Middleware stands around every route, the first one outermost, and what it raises is answered like all else."""
    found = bound(Calls)
    with_two = type(found)(**{**{f: getattr(found, f) for f in found.__dataclass_fields__},
                              "middleware": ((Tag, {"word": "outer"}), (Tag, {"word": "inner"}))})  # fmt: skip
    async with started(App(with_two)) as app:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            for answer in (await client.post("/add", json={"a": 1}), await client.get("/nowhere")):
                assert answer.headers.get_list("x-tag") == ["inner", "outer"]
            broken = await client.get("/livez", headers={"x-key": "wrong"})
            assert (broken.status_code, broken.headers["content-type"]) == (500, "application/problem+json")


async def test_nothing_is_answered_before_the_start() -> None:
    """Behind an open port a service that still starts is alive, not ready, and tells callers when to come back."""
    app = App(bound(Calls), on_failure=lambda error: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        answer = await client.post("/add", json={"a": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_failed_start_is_told() -> None:
    """Where the server waits for the start, a service that cannot start fails it with its words."""
    found = bound(Calls)
    broken = type(found)(
        **{**{f: getattr(found, f) for f in found.__dataclass_fields__}, "create": lambda handles: 1 / 0}
    )
    sent: asyncio.Queue[Any] = asyncio.Queue()

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    with pytest.raises(ServiceLoadError, match="ZeroDivisionError: division by zero"):
        await App(broken)({"type": "lifespan"}, receive, sent.put)
    assert (await sent.get())["type"] == "lifespan.startup.failed"


async def test_draining() -> None:
    """Once draining begins, readiness says 503 and new calls are sent elsewhere, while the process is alive."""
    async with started(App(bound(Calls))) as app:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            app.begin_drain()
            found = [(await client.get(path)).status_code for path in ("/readyz", "/livez")]
            answer = await client.post("/add", json={"a": 1})
    assert found == [503, 200]
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_body_that_is_no_object() -> None:
    """Who sends the bare value is told how a body looks; who sends an object that is wrong is not."""
    async with asking(Calls) as client:
        for body in ([1, 2], 5, "x"):
            assert (
                (await client.post("/add", json=body)).json()["hint"].startswith("send the parameters by their names")
            )
        assert "hint" not in (await client.post("/add", json={"a": "x"})).json()


async def test_the_log_names_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    """The line of a call that failed says which one; a path cannot begin a line of its own."""
    async with asking(Calls) as client:
        answer = await client.post("/fail", json={"how": "bug"})
        assert f"request {answer.headers['x-request-id']} of POST /fail failed: the password" in caplog.text
