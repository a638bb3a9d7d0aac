"""The object that stands for a class service has what that of BentoML's 1.4 has, and hides nothing of the class."""

import asyncio
import inspect
import os
from pathlib import Path
from typing import Any

import bentoml
import flask
import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import CommandSpec
from ekiben.testing import client


@bentoml.service(name="doubler", workers=1, path_prefix="/v1")
class Doubler:
    """Doubles."""

    name = "an attribute of the class"

    def __init__(self) -> None:
        self.factor = 2

    @bentoml.api
    def double(self, x: int) -> int:
        """Double a number."""
        return self.factor * x

    @bentoml.api(route="/later")
    async def later(self, x: int) -> int:
        return self.double(x)  # a plain call stays in the process


@bentoml.service(http={"port": 4000, "host": "127.0.0.1"})
class Outer:
    doubler = bentoml.depends(Doubler)

    @bentoml.api
    async def both(self, x: int) -> list[int]:
        local = await self.doubler.to_async.double(x)
        return [local, await self.doubler.later(x), self.doubler.to_sync.double(x)]


def test_what_is_known_of_a_service() -> None:
    """Name, class, endpoints, dependencies and options can be read without an instance."""
    assert (Doubler.name, Doubler.inner.__name__, Doubler.__name__) == ("doubler", "Doubler", "Doubler")
    assert Doubler.inner.name == "an attribute of the class"
    assert {name: api.route for name, api in Doubler.apis.items()} == {"double": "/double", "later": "/later"}
    assert (Doubler.dependencies, Doubler.models) == ({}, [])
    assert Doubler.config == {"name": "doubler", "workers": 1, "path_prefix": "/v1"}
    assert Doubler.__doc__ == "Doubles."
    assert Outer.dependencies["doubler"].on is Doubler
    assert list(Outer.all_services()) == ["Outer", "doubler"]
    assert Outer.all_services()["doubler"] is Doubler
    assert repr(Doubler) == "<service doubler>"


def test_where_it_is_served() -> None:
    """`url` and `get_hosts` tell where it listens unless a command says otherwise."""
    assert (Doubler.url, Doubler.get_hosts()) == ("http://localhost:3000/v1", ["localhost:3000"])
    assert (Outer.url, Outer.get_hosts()) == ("http://127.0.0.1:4000", ["127.0.0.1:4000"])


def test_its_documents() -> None:
    """`schema` is what `/schema.json` tells, `openapi_spec` what `/docs.json` does."""
    with client(Doubler) as found:
        assert found.request("GET", "/schema.json").json() == Doubler.schema()
        assert found.request("GET", "/v1/docs.json").json() == Doubler.openapi_spec
    assert [route["route"] for route in Doubler.schema()["routes"]] == ["/v1/double", "/v1/later"]


def test_an_instance_is_the_users_own() -> None:
    """Calling a service gives an instance of the class, whose methods can all be had sync, async and local."""
    made: Any = Doubler()
    assert (type(made), made.factor) == (Doubler.inner, 2)
    assert (made.double(3), made.double.local(4), made.to_sync.later(5)) == (6, 8, 10)
    assert asyncio.run(made.to_async.double(6)) == 12
    assert asyncio.run(made.later.local(7)) == 14
    assert inspect.iscoroutinefunction(made.later)
    assert not inspect.iscoroutinefunction(made.double)
    assert Doubler.inner.double(made, 8) == 16
    assert made.double.local is made.double.local.local or made.double.local(1) == 2


def test_a_class_with_slots_has_no_faces() -> None:
    """An instance without room for more is left as it is."""

    @bentoml.service
    class Slim:
        __slots__ = ("x",)

        @bentoml.api
        def one(self) -> int:
            return 1

    made: Any = Slim()
    assert made.one() == made.one.local() == 1
    assert not hasattr(made, "to_async")


def test_a_dependency_by_hand() -> None:
    """An instance that is made by hand has one of what it depends on, as `Dependency.get` gives it."""
    assert asyncio.run(Outer().both(2)) == [4, 4, 4]
    assert Outer.dependencies["doubler"].get().double(2) == 4
    with client(Outer) as found:
        assert found.both(x=5) == [10, 10, 10]


def test_depending_on_what_is_no_service() -> None:
    """`depends` names what it does not take, and there is no cloud to ask."""
    with pytest.raises(ConfigError, match="takes a class decorated"):
        bentoml.depends(int)
    with pytest.raises(ConfigError, match=r"`deployment` names something of BentoML's cloud.*'prod'"):
        bentoml.depends(Doubler, deployment="prod")
    with pytest.raises(ConfigError, match="`cluster`"):
        bentoml.depends(cluster="eu")
    with pytest.raises(ConfigError, match="either a service class or `url`"):
        bentoml.depends()
    far = bentoml.depends(Doubler, url="http://localhost:1")
    assert isinstance(far, bentoml.Dependency)
    assert (far.url, far.on) == ("http://localhost:1", None)
    with pytest.raises(ConfigError, match="only reached from a served instance"):
        far.get()


def test_a_subclass_is_decorated_anew() -> None:
    """A class that inherits from a service's class has its endpoints, once it is decorated."""

    @bentoml.service
    class Tripler(Doubler.inner):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            self.factor = 3

    assert list(Tripler.apis) == ["double", "later"]
    assert Tripler().double(2) == Tripler().double.local(2) == 6
    with client(Tripler) as found:
        assert found.double(x=2) == 6


def test_what_cannot_be_decorated() -> None:
    """Only a class becomes a service, and only once."""
    with pytest.raises(ConfigError, match=r"`@bentoml.service` takes a class"):
        bentoml.service(Doubler)
    with pytest.raises(ConfigError, match="takes a class"):
        bentoml.service(name="x")(lambda: 1)


class Adder:
    """An ASGI middleware."""

    def __init__(self, app: Any, words: str) -> None:
        self.app, self.words = app, words

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def more(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-words", self.words.encode()))
            await send(message)

        await self.app(scope, receive, more)


def test_mounts_and_middleware() -> None:
    """Apps of both kinds and middleware can be added to the object."""

    @bentoml.service
    class Mounted:
        @bentoml.api
        def x(self) -> int:
            return 1

    pages = flask.Flask("pages")
    pages.add_url_rule("/", view_func=lambda: "of WSGI")
    Mounted.mount_asgi_app(Starlette(routes=[Route("/", lambda _: PlainTextResponse("of ASGI"))]), path="/asgi")
    Mounted.mount_wsgi_app(pages, path="/wsgi")
    Mounted.add_asgi_middleware(Adder, words="hello")
    with client(Mounted) as found:
        assert found.request("GET", "/asgi/").text == "of ASGI"
        assert found.request("GET", "/wsgi/").text == "of WSGI"
        assert found.request("POST", "/x", json={}).headers["x-words"] == "hello"
        assert found.request("GET", "/schema.json").json() == Mounted.schema()
        assert Mounted.schema()["paths"] == ["/x", "/asgi", "/wsgi"]


above, below = FastAPI(), FastAPI()


@bentoml.asgi_app(above, path="/above")
@bentoml.service
@bentoml.mount_asgi_app(below, path="/below")
class Routed:
    """Routes of FastAPI that are methods."""

    greeting = "hello"

    @bentoml.api
    def plain(self) -> str:
        return self.greeting

    @above.get("/hi/{name}")
    def hi(self, name: str, times: int = 1) -> str:
        return f"{self.greeting} {name}" * times

    @below.post("/sum", status_code=201)
    async def add(self, numbers: list[int], request: Request) -> dict[str, Any]:
        return {"sum": sum(numbers), "path": request.url.path, "greeting": self.greeting}

    @below.websocket("/talk")
    async def talk(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(self.greeting)
        await socket.close()


@above.get("/alone")
def alone() -> str:
    return bentoml.get_current_service().greeting


def test_methods_as_routes() -> None:
    """A route of a mounted FastAPI app may be a method: `self` is the instance, all else is FastAPI's."""
    with client(Routed) as found:
        assert found.request("GET", "/above/hi/Ada", params={"times": 2}).json() == "hello Adahello Ada"
        assert found.request("GET", "/above/hi/Ada", params={"times": "x"}).status_code == 422
        answer = found.request("POST", "/below/sum", json=[1, 2])
        assert (answer.status_code, answer.json()) == (201, {"sum": 3, "path": "/below/sum", "greeting": "hello"})
        assert found.request("GET", "/above/alone").json() == "hello"
        paths = found.request("GET", "/above/openapi.json").json()["paths"]
        assert [each["name"] for each in paths["/hi/{name}"]["get"]["parameters"]] == ["name", "times"]
        assert found.plain() == "hello"


def test_to_asgi() -> None:
    """`to_asgi` gives an app that any server runs; what it cannot be is refused."""
    assert callable(Doubler.to_asgi(is_main=True))
    with pytest.raises(ConfigError, match="`is_main` must be True"):
        Doubler.to_asgi(is_main=False)
    with pytest.raises(ConfigError, match="`init` must be True"):
        Doubler.to_asgi(init=False)


def test_what_variables_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`inject_config` lets the options show what file and environment set."""

    @bentoml.service(traffic={"timeout": 10})
    class Timed:
        @bentoml.api
        def x(self) -> int:
            return 1

    monkeypatch.setenv("EKIBEN_TRAFFIC__TIMEOUT", "20")
    assert Timed.config["traffic"]["timeout"] == 10
    Timed.inject_config()
    assert Timed.config["traffic"]["timeout"] == 20


def write(folder: Path, name: str = "loadable") -> Path:
    file = folder / f"{name}.py"
    file.write_text(
        "import bentoml\n\n\n@bentoml.service\nclass Loaded:\n"
        "\n    @bentoml.api\n    def x(self) -> int:\n        return 7\n"
    )
    return file


@pytest.mark.parametrize(
    ("target", "where"), [("{name}:Loaded", True), ("{name}.py:Loaded", True), ("{folder}/{name}.py:Loaded", False)]
)
def test_load(target: str, where: bool, tmp_path: Path) -> None:
    """`bentoml.load` gives the service that a target names, with its class."""
    name = f"loadable_{abs(hash(target))}"
    write(tmp_path, name)
    told = target.format(name=name, folder=tmp_path)
    found = bentoml.load(told, working_dir=str(tmp_path) if where else None)
    assert (found.name, found.inner.__name__, found().x()) == ("Loaded", "Loaded", 7)


def test_loading_what_is_not_there(tmp_path: Path) -> None:
    """What cannot be loaded is said; a service is given back."""
    assert bentoml.load(Doubler) is Doubler
    with pytest.raises(ServiceLoadError, match="there is no file"):
        bentoml.load("nothing.py:X", working_dir=str(tmp_path))
    with pytest.raises(ConfigError, match="`reload` must be False"):
        bentoml.load(Doubler, reload=True)


def test_a_file_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_config` lets services heed a file of BentoML's, and values over it; a file that is none changes nothing."""
    for name in ("BENTOML_CONFIG", "BENTOML_CONFIG_OVERRIDES"):
        monkeypatch.setenv(name, "")  # put back afterwards

    @bentoml.service
    class Set:
        @bentoml.api
        def x(self) -> int:
            return 1

    with pytest.raises(ConfigError, match="must name a file"):
        bentoml.load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="`override_defaults` must hold what JSON has"):
        bentoml.load_config(tmp_path / "nowhere.yaml", {"x": object()})
    assert os.environ["BENTOML_CONFIG"] == ""
    file = tmp_path / "bentoml.yaml"
    file.write_text("version: 2\nservices:\n  traffic: {timeout: 21}\n  threads: 2\n")
    bentoml.load_config(file, {"services": {"threads": 3}})
    Set.inject_config()
    assert (Set.config["traffic"]["timeout"], Set.config["threads"]) == (21, 3)


def test_a_hook_before_every_instance() -> None:
    """`on_deployment` takes a function without `self`, with `@staticmethod` or not."""
    seen: list[str] = []

    @bentoml.service
    class Deployed:
        @bentoml.on_deployment
        def prepare() -> None:  # type: ignore[misc]  # as BentoML's users write it
            seen.append("plain")

        @bentoml.on_deployment
        @staticmethod
        def again() -> None:
            seen.append("static")

        @bentoml.api
        def x(self) -> int:
            return len(seen)

    with client(Deployed) as found:
        assert found.x() == 2
    with pytest.raises(ConfigError, match="must take no parameter: `self`"):
        bentoml.service(type("Wrong", (), {"prepare": bentoml.on_deployment(lambda self: None)}))


def test_a_command() -> None:
    """`cmd`, `__command__` and `http.proxy_port` are taken: the words and the port stand in the spec."""
    made = bentoml.service(cmd=["serve", "--port", "9000"], http={"proxy_port": 9000})(type("Foreign", (), {}))
    assert made.__ekiben_service__().spec.command == CommandSpec(("serve", "--port", "9000"), 9000)
    asked = bentoml.service(type("Asked", (), {"__command__": lambda self: ["serve"]}))
    assert asked.__ekiben_service__().spec.command == CommandSpec((), 8000)
