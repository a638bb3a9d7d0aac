"""A service declared by an object and functions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import bentoml
import pytest
from bentoml.exceptions import BentoMLException
from bentoml.io import JSON, IODescriptor, Multipart, NumpyNdarray, Text
from starlette.responses import PlainTextResponse

from ekiben.services.load import load
from ekiben.testing import client


class Doubler(bentoml.Runnable):
    @bentoml.Runnable.method(batchable=True)
    def double(self, items: list[int]) -> list[int]:
        return [2 * item for item in items]


def make(name: str = "plain", **options: Any) -> bentoml.Service:
    return bentoml.Service(name, **options)


def test_functions_are_endpoints() -> None:
    """Sync and async functions answer below their names, whatever their own hints say."""
    svc = make()

    @svc.api(input=JSON(), output=JSON())
    def echo(value: str) -> str:
        """Give it back."""
        return value

    @svc.api(input=JSON(), output=JSON(), name="twice", route="v1/twice", doc="Double it.")
    async def double(value: int) -> int:
        return 2 * value

    assert (echo(1), asyncio.run(double(2))) == (1, 4)
    assert list(svc.apis) == ["echo", "twice"]
    with client(svc) as found:
        assert found.request("POST", "/echo", json={"a": [1]}).json() == {"a": [1]}
        assert found.request("POST", "/v1/twice", json=4).json() == 8
    spec = load(svc).spec
    assert [each.doc for each in spec.endpoints] == ["Give it back.", "Double it."]
    assert (spec.workers, spec.style.metrics_prefix) == ("cpu_count", "bentoml_api_server")
    assert spec.style.server_header == "BentoML Service/{service}"


def test_a_function_calls_its_runner() -> None:
    """A runner that the service names is called by `run` and by `async_run`, and asks for nothing before."""
    runner = bentoml.Runner(Doubler, name="doubler")
    svc = make(runners=[runner])

    @svc.api(input=JSON(), output=JSON())
    def wait(items: Any) -> Any:
        return runner.double.run(items)

    @svc.api(input=JSON(), output=JSON())
    async def later(items: Any) -> Any:
        return await runner.async_run(items)

    with client(svc) as found:
        assert found.request("POST", "/wait", json=[1, 2]).json() == [2, 4]
        assert found.request("POST", "/later", json=[3]).json() == [6]
    bound = load(svc)
    assert [bind().spec.name for bind in bound.dependencies.values()] == ["doubler"]
    assert [each.service for each in bound.spec.dependencies] == ["doubler"]


def test_an_embedded_runner_is_no_service() -> None:
    """It is made in the service's own process, and nothing is depended on."""
    runner = bentoml.Runner(Doubler, embedded=True)
    svc = make(runners=[runner])

    @svc.api(input=JSON(), output=JSON())
    async def double(items: Any) -> Any:
        return await runner.double.async_run(items)

    assert load(svc).dependencies == {}
    with client(svc) as found:
        assert found.request("POST", "/double", json=[1]).json() == [2]


def test_the_running_call_and_hooks() -> None:
    """`ctx` gives the request, takes headers and status, and shares its state with the hooks."""
    svc, seen = make(), []

    @svc.on_deployment
    def once() -> None:
        seen.append("deployment")

    @svc.on_startup
    async def start(context: Any) -> None:
        context.state["count"] = 10

    @svc.on_shutdown
    def stop(context: Any) -> None:
        seen.append(context.state["count"])

    @svc.api(input=JSON(), output=JSON())
    def count(value: Any, ctx: bentoml.Context) -> Any:
        ctx.state["count"] += value
        ctx.response.status_code = 202
        ctx.response.headers["X-Count"] = str(ctx.state["count"])
        return {"who": ctx.request.headers["x-who"]}

    with client(svc) as found:
        answer = found.request("POST", "/count", json=2, headers={"x-who": "me"})
        assert (answer.status_code, answer.json(), answer.headers["x-count"]) == (202, {"who": "me"}, "12")
    assert seen == ["deployment", 12]


def test_streams() -> None:
    """Generators, and functions that say that they give one, send text as it comes."""
    svc = make()

    @svc.api(input=JSON(), output=Text())
    async def later(n: int) -> AsyncIterator[str]:
        for i in range(n):
            yield f"{i}\n"

    @svc.api(input=JSON(), output=Text())
    def now(n: int) -> Iterator[str]:
        return iter([f"{i}\n" for i in range(n)])

    with client(svc) as found:
        for path in ("/later", "/now"):
            assert found.request("POST", path, json=3).text == "0\n1\n2\n"


def test_apps_and_middleware() -> None:
    """An ASGI app answers below its path, and a middleware stands around the whole server."""
    svc = make()

    @svc.api(input=JSON(), output=JSON())
    def echo(value: Any) -> Any:
        return value

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"mounted"})

    class Mark:
        def __init__(self, app: Any, mark: str) -> None:
            self.app, self.mark = app, mark.encode()

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def marked(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"x-mark", self.mark)]
                await send(message)

            await self.app(scope, receive, marked)

    svc.mount_asgi_app(app, path="/side")
    svc.add_asgi_middleware(Mark, mark="here")
    with client(svc) as found:
        assert found.request("GET", "/side/anything").text == "mounted"
        answer = found.request("POST", "/echo", json=1)
        assert (answer.json(), answer.headers["x-mark"]) == (1, "here")
    assert load(svc).spec.workers == "cpu_count"


def test_a_mounted_app_keeps_runners_in_processes_of_their_own() -> None:
    """With a mount one process listens, since whole copies of it would hold a copy of each runner."""
    svc = make(runners=[bentoml.Runner(Doubler)])
    assert load(svc).spec.workers == "cpu_count"
    svc.mount_asgi_app(lambda scope, receive, send: None, path="/side")
    assert load(svc).spec.workers == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("clasificador iris", "the name of a tag must be of a-z", id="a blank"),
        pytest.param("_iris", "the name of a tag must be of a-z", id="a line first"),
        pytest.param("", "the name of a tag must be of a-z", id="nothing"),
        pytest.param("a" * 64, "at most 63 letters", id="too long"),
        pytest.param(3, "must be text", id="a number"),
    ],
)
def test_bad_names(name: Any, words: str) -> None:
    """A service is called as a bento can be."""
    with pytest.raises(BentoMLException, match=words):
        bentoml.Service(name)


def test_capitals_are_lowered() -> None:
    """A name with capitals is the same in small letters."""
    svc = bentoml.Service("Iris")
    assert (svc.name, str(svc.tag), svc.bento, svc.doc) == ("iris", "iris", None, "")


def test_two_runners_of_one_name() -> None:
    """They are refused as BentoML refuses them; so is what is no runner, and no model."""
    with pytest.raises(ValueError, match="two runners are called `doubler`"):
        make(runners=[bentoml.Runner(Doubler), bentoml.Runner(Doubler)])
    with pytest.raises(BentoMLException, match="`runners` must be a list of runners"):
        make(runners=[Doubler])
    with pytest.raises(BentoMLException, match="`models` must be a list of stored models"):
        make(models=["iris:latest"])


@pytest.mark.parametrize("name", ["index", "swagger", "docs", "healthz", "metrics", "feedback", "two words", "1st"])
def test_reserved_names(name: str) -> None:
    """An API is not called like a page of the server, nor like nothing Python knows."""
    with pytest.raises(BentoMLException, match="the name of an API must be a Python name and none of"):
        make().api(input=JSON(), output=JSON(), name=name)(lambda value: value)


def test_bad_apis() -> None:
    """What cannot be served is refused where it is written."""
    svc = make()
    api = svc.api(input=JSON(), output=JSON(), name="some")
    with pytest.raises(BentoMLException, match="must take one value"):
        api(lambda: None)
    with pytest.raises(BentoMLException, match="must take one value"):
        svc.api(input=JSON(), output=JSON(), name="two")(lambda a, b: None)
    with pytest.raises(BentoMLException, match="`input` of `one` must be a descriptor"):
        svc.api(input=JSON, output=JSON(), name="one")(lambda a: None)
    with pytest.raises(BentoMLException, match="`output` of `one` must be a descriptor"):
        svc.api(input=JSON(), output="json", name="one")(lambda a: None)
    with pytest.raises(BentoMLException, match="`route` of `one` must be a plain path"):
        svc.api(input=JSON(), output=JSON(), name="one", route="/items/{x}")(lambda a: None)
    with pytest.raises(BentoMLException, match="takes a function"):
        api(3)
    with pytest.raises(BentoMLException, match="takes a function"):
        svc.on_startup(3)

    svc.api(input=JSON(), output=JSON(), name="once")(lambda a: None)
    with pytest.raises(BentoMLException, match="the API `once` is there twice"):
        svc.api(input=JSON(), output=JSON(), name="once")(lambda a: None)


def test_a_form() -> None:
    """The fields of a `Multipart` are the function's keyword arguments, and both name the same."""
    svc = make()

    @svc.api(input=Multipart(rows=NumpyNdarray(), text=Text()), output=JSON())
    def join(rows: Any, text: str, ctx: Any) -> Any:
        return {"sum": float(rows.sum()), "text": text, "path": ctx.request.url.path}

    with client(svc) as found:
        answer = found.request("POST", "/join", files={"rows": (None, "[[1, 2]]"), "text": (None, "hello")})
        assert answer.json() == {"sum": 3.0, "text": "hello", "path": "/join"}
    with pytest.raises(BentoMLException, match="must name the same fields: `other` is in one only"):
        svc.api(input=Multipart(rows=JSON(), other=JSON()), output=JSON(), name="odd")(lambda rows: None)
    svc.api(input=Multipart(rows=JSON(), other=JSON()), output=JSON(), name="any")(lambda **fields: None)


@pytest.mark.parametrize("is_async", [True, False])
def test_descriptors_of_ones_own(is_async: bool) -> None:
    """A user's descriptor reads the request and makes the response, around sync and async functions."""

    class Shout(IODescriptor):
        async def from_http_request(self, request: Any) -> str:
            return (await request.body()).decode() + request.headers["x-end"]

        async def to_http_response(self, obj: Any, ctx: Any = None) -> Any:
            return PlainTextResponse(obj.upper(), status_code=203)

    svc = make()
    api = svc.api(input=Shout(), output=Shout(), name="shout")

    async def later(text: str) -> str:
        return text

    def now(text: str, ctx: Any) -> str:
        return text + ctx.request.url.path

    api(later if is_async else now)
    with client(svc) as found:
        answer = found.request("POST", "/shout", content=b"hey", headers={"x-end": "!"})
        assert (answer.status_code, answer.text) == (203, "HEY!" if is_async else "HEY!/SHOUT")


@pytest.mark.parametrize("method", ["mount_grpc_servicer", "add_grpc_interceptor", "add_grpc_handlers"])
def test_grpc_is_refused(method: str) -> None:
    """The methods of gRPC say that it is not served."""
    with pytest.raises(BentoMLException, match="gRPC is not served"):
        getattr(make(), method)(object())


def test_a_plain_function_may_give_a_stream() -> None:
    """A function that returns a generator, and is none itself, is answered in pieces; one that returns text, whole."""
    service = bentoml.Service("teller")

    @service.api(input=Text(), output=Text("text/event-stream"))
    def tell(word: str) -> Any:
        return word if word == "whole" else (piece for piece in (word, "-", word))

    @service.api(input=Text(), output=Text())
    async def tell_later(word: str) -> Any:
        async def pieces() -> Any:
            yield word
            yield "!"

        return pieces()

    with client(service) as asked:
        answers = [
            asked.request("POST", path, content=word, headers={"content-type": "text/plain"})
            for path, word in (("/tell", "a"), ("/tell", "whole"), ("/tell_later", "b"))
        ]
    assert [answer.text for answer in answers] == ["a-a", "whole", "b!"]
    assert answers[0].headers["content-type"].startswith("text/event-stream")
