"""Methods become endpoints: their names, routes and signatures, and what cannot be served."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel, Field, RootModel, field_validator

import ekiben
from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.core.spec import BatchSpec, BoundService, Convention
from ekiben.schema.codec import plan


def bound(cls: Any) -> BoundService:
    found: BoundService = cls.__ekiben_service__()
    return found


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a method, as many libraries' decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@ekiben.service
class Many:
    """Endpoints of all forms."""

    @ekiben.api
    def bare(self) -> int:
        """Say nothing much.

        But at length.
        """
        return 1

    @ekiben.api()
    def parentheses(self, a: int, b: int = 2) -> int:
        return a + b

    @ekiben.api(name="other", route="/somewhere/else", timeout=3)
    def renamed(self, a: int) -> int:
        return a

    @ekiben.api
    async def asynchronous(self, a: int) -> int:
        return a

    @ekiben.api
    def root(self, a: list[int], /) -> int:
        return len(a)

    @ekiben.api
    @staticmethod
    def static(a: int) -> int:
        return a

    @staticmethod
    @ekiben.api
    def static_outside(a: int) -> int:
        return a

    @ekiben.api
    @classmethod
    def of_class(cls, a: int) -> str:
        return cls.__name__ * a

    @ekiben.api
    @logged
    def wrapped(self, a: int = Field(3, ge=1)) -> int:
        return a

    @ekiben.api(batchable=True, max_batch_size=8, isolate=True)
    def batch(self, x: np.ndarray) -> np.ndarray:
        return x

    def helper(self) -> int:
        return 1


SPECS = {endpoint.name: endpoint for endpoint in bound(Many).spec.endpoints}


def test_names_and_routes() -> None:
    """An endpoint is called like its method, and answers at `/` and that name, unless it says otherwise."""
    assert {name: spec.route for name, spec in SPECS.items()} == {
        "bare": "/bare", "parentheses": "/parentheses", "other": "/somewhere/else", "asynchronous": "/asynchronous",
        "root": "/root", "static": "/static", "static_outside": "/static_outside", "of_class": "/of_class",
        "wrapped": "/wrapped", "batch": "/batch",
    }  # fmt: skip
    assert bound(Many).methods["other"] == "renamed"


def test_details() -> None:
    """Doc, timeout, convention and batching are those of the method."""
    assert SPECS["bare"].doc == "Say nothing much.\n\nBut at length."
    assert SPECS["other"].timeout == 3
    assert SPECS["root"].convention is Convention.ONE_VALUE
    assert SPECS["bare"].convention is Convention.KEYWORDS
    assert SPECS["batch"].batch == BatchSpec(max_size=8)
    assert SPECS["batch"].isolate is True
    assert bound(Many).signatures["asynchronous"].is_async is True


@pytest.mark.parametrize("name", ["static", "static_outside", "of_class", "other", "asynchronous"])
def test_parameters(name: str) -> None:
    """The instance or class is no parameter of the endpoint, whatever kind of method it is."""
    assert [parameter.name for parameter in bound(Many).signatures[name].parameters] == ["a"]


def test_wrapped() -> None:
    """A decorator between ours and the method changes neither the hints nor the defaults."""
    codec = plan(bound(Many).signatures["wrapped"])
    assert codec.from_json(b"{}") == ((), {"a": 3})
    with pytest.raises(InvalidInput, match="a: must be greater than or equal to 1"):
        codec.from_json(b'{"a": 0}')
    assert Many().wrapped() == 3


class Checked(BaseModel):
    """Arguments with rules of their own."""

    a: int
    b: list[int] = [1]

    @field_validator("a")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


@ekiben.service
class Specified:
    """An endpoint whose hints are replaced."""

    @ekiben.api(input_spec=Checked, output_spec=list[int])
    def run(self, a: Any, b: Any) -> Any:
        return [a, *b]

    @ekiben.api(input_spec=Checked)
    def loose(self, **values: Any) -> Any:
        return values


@pytest.mark.parametrize("name", ["run", "loose"])
def test_input_spec(name: str) -> None:
    """A model in the place of the hints gives the parameters, their defaults, and its validators."""
    codec = plan(bound(Specified).signatures[name])
    assert codec.from_json(b'{"a": 2}') == ((), {"a": 2, "b": [1]})
    with pytest.raises(InvalidInput, match="must be even"):
        codec.from_json(b'{"a": 3}')
    assert codec.input_schema["required"] == ["a"]


def test_output_spec() -> None:
    """A type in the place of the answer's hint describes the answer."""
    [run, _] = bound(Specified).spec.endpoints
    assert run.output == {"type": "array", "items": {"type": "integer"}}


def test_names_of_the_class_and_of_the_place() -> None:
    """Annotations may name what is local to the function around the class, classes within it, and itself."""

    class Local(BaseModel):
        a: int

    @ekiben.service
    class Service:
        class Inner(BaseModel):
            b: int

        @ekiben.api
        def run(self, one: "Local", two: "Inner", three: "Annotated[int, Field(ge=1)]" = 1) -> "Service.Inner":
            return Service.Inner(b=one.a + two.b + three)

    codec = plan(bound(Service).signatures["run"])
    _, given = codec.from_json(b'{"one": {"a": 1}, "two": {"b": 2}}')
    assert Service().run(**given).b == 4


def generator(self: Any) -> Iterator[int]:
    yield 1


def files(self: Any) -> Iterator[Path]:
    yield Path()


def odd_pieces(self: Any) -> Iterator[Callable[[], int]]:
    yield int


def refuse(options: dict[str, Any], function: Any, name: str = "run", **service: Any) -> ConfigError:
    """Make a service of one method, and give the error."""
    with pytest.raises(ConfigError) as caught:
        ekiben.service(**service)(type("Bad", (), {name: ekiben.api(**options)(function)}))
    return caught.value


def two(self: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a


def text(self: Any, a: str) -> str:
    return a


def with_context(self: Any, a: list[int], ctx: ekiben.Context) -> list[int]:
    return a


def thread(self: Any, a: type) -> None:
    """Take what no one can send."""


def nothing(self: Any) -> list[int]:
    return []


def two_lists(self: Any, a: list[int], b: list[str]) -> list[int]:
    return a


def starred(self: Any, *a: int) -> list[int]:
    return list(a)


class Root(RootModel[int]):
    """A number."""


@pytest.mark.parametrize(
    ("options", "function", "words"),
    [
        pytest.param({"batchable": True}, generator, "streams and cannot be batchable", id="a batched stream"),
        pytest.param({}, files, "`files` cannot stream files", id="a stream of files"),
        pytest.param({}, odd_pieces, "a piece of the stream of `odd_pieces` has a type", id="odd pieces"),
        pytest.param({"heartbeat": 5}, text, "means nothing where nothing streams: 5", id="a heartbeat of no stream"),
        pytest.param({}, thread, "parameter `a` of `thread` has a type that cannot be served", id="a type"),
        pytest.param({"batchable": True}, nothing, "must take an array, a frame, a tensor or a list", id="of nothing"),
        pytest.param({"batchable": True}, two, "could be those of `a` or of `b`", id="of two that may be anything"),
        pytest.param(
            {"batchable": True}, two_lists, "could be those of `a` or of `b`", id="a batch of two that could be it"
        ),
        pytest.param({"batchable": True}, starred, "is batchable and cannot take `*a`", id="of any number"),
        pytest.param(
            {"batchable": True, "batch_on": "c"}, two_lists, "must name a parameter that is an array", id="of another"
        ),
        pytest.param(
            {"batchable": True, "batch_on": "a"}, text, "must name a parameter that is an array", id="of a text by name"
        ),
        pytest.param({"batchable": True}, text, "`a` must be an array, a frame, a tensor or a list", id="of a text"),
        pytest.param({"batchable": True}, with_context, "cannot take the context `ctx`", id="with a context"),
        pytest.param({"input_spec": Checked}, text, "the same parameters: `b` is in one only", id="other names"),
        pytest.param({"input_spec": Root}, text, "must have fields: Root is a `RootModel`", id="a root model"),
        pytest.param({"output_spec": Callable}, text, "the `output_spec` of `text`", id="an answer"),
    ],
)
def test_what_cannot_be_served(options: dict[str, Any], function: Any, words: str) -> None:
    """What cannot be served fails where the class is made, and names the method."""
    error = refuse(options, function)
    assert words in str(error)
    assert f"`{function.__name__}`" in str(error)


@pytest.mark.parametrize(
    ("hint", "good"),
    [
        pytest.param(np.ndarray, True, id="an array"),
        pytest.param(pd.DataFrame, True, id="a frame"),
        pytest.param(list[str], True, id="a list"),
        pytest.param(Annotated[list[str], Field(max_length=3)], True, id="a list with a rule"),
        pytest.param(Any, True, id="anything, of which lists are joined"),
        pytest.param(dict[str, int], False, id="an object"),
        pytest.param(int, False, id="a number"),
        pytest.param(bytes, False, id="bytes"),
    ],
)
def test_what_batches(hint: Any, good: bool) -> None:
    """Only what has items can be joined with other calls."""

    def run(self: Any, x: Any) -> Any:
        return x

    run.__annotations__["x"] = hint
    if good:
        assert ekiben.service(type("Good", (), {"run": ekiben.api(batchable=True)(run)}))
    else:
        assert "must be an array, a frame, a tensor or a list" in str(refuse({"batchable": True}, run))


@pytest.mark.parametrize("name", ["__call__", "__secret"])
def test_names_of_python(name: str) -> None:
    """A method whose name belongs to Python is an endpoint only under another name."""
    error = refuse({}, text, name=name)
    assert "cannot be an endpoint under its own name" in str(error)
    assert error.hint == 'name it: `@ekiben.api(name="call")`'
    good: Any = ekiben.service(type("Good", (), {name: ekiben.api(name="call")(text)}))
    assert [endpoint.route for endpoint in bound(good).spec.endpoints] == ["/call"]


@pytest.mark.parametrize(
    ("route", "service", "what"),
    [
        pytest.param("/livez", {}, "the liveness probe", id="livez"),
        pytest.param("/healthz", {}, "the liveness probe", id="healthz"),
        pytest.param("/readyz", {}, "the readiness probe", id="readyz"),
        pytest.param("/metrics", {}, "the metrics", id="metrics"),
        pytest.param("/docs", {}, "the pages of the docs", id="docs"),
        pytest.param("/docs/swagger.js", {}, "the pages of the docs", id="below the docs"),
        pytest.param("/docs.json", {}, "the OpenAPI document", id="OpenAPI"),
        pytest.param("/schema.json", {}, "the schema", id="the schema"),
        pytest.param("/up", {"endpoints": {"livez": "/up"}}, "the liveness probe", id="a probe elsewhere"),
        pytest.param("/readyz", {"path_prefix": "/m"}, "the readiness probe", id="below a prefix"),
    ],
)
def test_taken_routes(route: str, service: dict[str, Any], what: str) -> None:
    """No endpoint may stand where every service has something of its own."""
    error = refuse({"route": route}, text, **service)
    assert f"the endpoint `Bad.run` has the route of {what}: " in str(error)


@pytest.mark.parametrize("route", ["/", "/livez/more", "/documents", "/schema"])
def test_free_routes(route: str) -> None:
    """Everything else is free."""
    made: Any = ekiben.service(type("Good", (), {"run": ekiben.api(route=route)(text)}))
    assert bound(made).spec.endpoints[0].route == route


def test_one_route_twice() -> None:
    """Two endpoints with one route are refused; the error names both."""

    class Twice:
        @ekiben.api(route="/x")
        def first(self) -> None:
            """Do nothing."""

        @ekiben.api(route="/x")
        def second(self) -> None:
            """Do nothing."""

    with pytest.raises(ConfigError, match=r"`Twice\.second` has the route of the endpoint `Twice\.first`: /x"):
        ekiben.service(Twice)


def test_one_name_twice() -> None:
    """Two endpoints with one name are refused, as clients have a method of each."""

    class Twice:
        @ekiben.api(name="run", route="/a")
        def first(self) -> None:
            """Do nothing."""

        @ekiben.api(name="run", route="/b")
        def second(self) -> None:
            """Do nothing."""

    with pytest.raises(ConfigError, match=r"the endpoint `Twice\.run` is there twice"):
        ekiben.service(Twice)


@pytest.mark.parametrize(
    ("path", "what"),
    [
        pytest.param("/metrics", "the metrics", id="the metrics"),
        pytest.param("/run", "the endpoint `run`", id="an endpoint"),
        pytest.param("/ui", "another mounted app", id="another app"),
    ],
)
def test_taken_mounts(path: str, what: str) -> None:
    """A mounted app may not stand where something else is."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""

    @ekiben.asgi_app(app, path="/ui")
    @ekiben.service
    class Service:
        @ekiben.api
        def run(self) -> None:
            """Do nothing."""

    Service.mount_asgi_app(app, path=path)  # type: ignore[attr-defined]  # `service` adds it
    with pytest.raises(ConfigError, match=f"an ASGI app is mounted at the place of {what}: {path}"):
        bound(Service)
