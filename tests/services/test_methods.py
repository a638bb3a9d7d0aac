"""`@api` and the hooks mark methods, and leave them as they were."""

import inspect
from typing import Any

import pytest
from pydantic import BaseModel, Field

import ekiben
from ekiben.batching import Adaptive
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BatchSpec
from ekiben.services.methods import ALLOWED, API_NOTE, ApiKeywords, ApiOptions, read_options


@pytest.mark.parametrize(
    "decorator",
    [
        pytest.param(ekiben.api, id="bare"),
        pytest.param(ekiben.api(), id="with parentheses"),
        pytest.param(ekiben.api(route="/x"), id="with options"),
    ],
)
def test_the_method_stays(decorator: Any) -> None:
    """A decorated method is the same function, and is called as before."""

    def double(self: Any, number: int = 2) -> int:
        return number * 2

    assert decorator(double) is double
    assert double(None) == 4
    assert isinstance(getattr(double, API_NOTE), ApiOptions)


def test_options() -> None:
    """Each option is read, milliseconds as seconds."""

    class Model(BaseModel):
        a: int

    found = read_options(
        {
            "route": "/x/y/", "name": "go", "timeout": 3, "batchable": True, "batch_dim": (1, 0),
            "max_batch_size": 7, "max_latency_ms": 250, "max_wait_ms": 5, "isolate": True,
            "input_spec": Model, "output_spec": list[int],
        }
    )  # fmt: skip
    assert found == ApiOptions(
        name="go", route="/x/y", timeout=3.0, isolate=True, input_spec=Model, output_spec=list[int],
        batch=BatchSpec(max_size=7, max_wait=0.005, max_latency=0.25, in_axis=1, out_axis=0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, None, id="nothing batches unasked"),
        pytest.param({"batchable": True}, BatchSpec(100, 0.0, 60.0, 0, 0), id="the defaults of batching"),
        pytest.param({"batchable": True, "batch_dim": 1}, BatchSpec(in_axis=1, out_axis=1), id="one axis for both"),
        pytest.param({"batchable": True, "batch_dim": [0, 1]}, BatchSpec(out_axis=1), id="an axis each"),
    ],
)
def test_batch(options: dict[str, Any], expected: BatchSpec | None) -> None:
    """Batching is described as it is asked for."""
    assert read_options(options).batch == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, None, id="left out it is the service's"),
        pytest.param({"timeout": 5}, 5.0, id="seconds"),
        pytest.param({"timeout": None}, 0.0, id="None is no limit"),
    ],
)
def test_timeout(options: dict[str, Any], expected: float | None) -> None:
    """An endpoint has its own time, the service's, or no limit."""
    assert read_options(options).timeout == expected


def test_root_route() -> None:
    """An endpoint may answer at `/`."""
    assert read_options({"route": "/"}).route == "/"


def test_what_types_say_is_what_is_read() -> None:
    """The options that type checkers know are those that are read."""
    assert set(ApiKeywords.__annotations__) == set(ALLOWED)


@pytest.mark.parametrize(
    ("options", "words", "hint"),
    [
        ({"rout": "/x"}, "there is no option `rout`", "did you mean `route`?"),
        ({"media_type": "x"}, "`media_type` is not supported by this version", "leave"),
        ({"route": "x"}, "`route` must be a path that begins with a slash: 'x'", 'write "/predict"'),
        ({"route": "/a b"}, "`route` must be a path", 'write "/predict"'),
        ({"route": "/a/{id"}, "`route` must be a path", 'write "/items/{item_id}"'),
        ({"route": "/a/x{id}"}, "`route` must be a path", 'write "/items/{item_id}"'),
        ({"route": "/{a}/{a}"}, "`route` must name each parameter once: '/{a}/{a}'", None),
        ({"method": "get"}, "`method` must be one of GET, POST, PUT, PATCH, DELETE: 'get'", 'write `method="GET"`'),
        ({"methods": ["GET"]}, "`methods` is not supported by this version: an endpoint has one", "leave"),
        ({"route": "/ü"}, "`route` must be a path", 'write "/predict"'),
        ({"route": "//a"}, "`route` must be a path", 'write "/predict"'),
        ({"route": "/a\n"}, "`route` must be a path", 'write "/predict"'),
        ({"name": "a-b"}, "`name` must be a Python name, as clients have a method of it: 'a-b'", "`route` is free"),
        ({"timeout": "5"}, "`timeout` must be a number of seconds above 0: '5'", "write 30"),
        ({"timeout": 0}, "`timeout` must be a number of seconds above 0: 0", "write 30"),
        ({"batchable": 1}, "`batchable` must be True or False: 1", None),
        ({"max_batch_size": 8}, "`max_batch_size` means nothing without `batchable=True`: 8", None),
        ({"batchable": True, "batch_on": 3}, "`batch_on` must be a parameter's name: 3", None),
        ({"batch_on": "x"}, "`batch_on` means nothing without `batchable=True`: 'x'", None),
        ({"batchable": True, "policy": 5}, "`policy` must be an `ekiben.batching.Policy`: 5", "a method `wait`"),
        ({"batchable": True, "policy": Adaptive}, "`policy` must be an", "write `policy=Adaptive()`"),
        ({"isolate": True}, "`isolate` means nothing without `batchable=True`: True", None),
        ({"batchable": True, "max_batch_size": 0}, "`max_batch_size` must be a whole number of at least 1", None),
        ({"batchable": True, "max_batch_size": 1.5}, "`max_batch_size` must be a whole number of at least 1", None),
        ({"batchable": True, "max_latency_ms": 0}, "`max_latency_ms` must be a number of milliseconds above 0", "1000"),
        ({"batchable": True, "max_wait_ms": -1}, "`max_wait_ms` must be a number of milliseconds of 0 or more", "5"),
        (
            {"batchable": True, "max_wait_ms": 9, "max_latency_ms": 9},
            "`max_wait_ms` must be below `max_latency_ms` (9): 9", None,
        ),
        ({"batchable": True, "batch_dim": "0"}, "`batch_dim` must be one axis, or one for input and one", None),
        ({"batchable": True, "batch_dim": (0, 1, 2)}, "`batch_dim` must be one axis", None),
        ({"batchable": True, "batch_dim": (0, True)}, "`batch_dim` must be one axis", None),
        ({"batchable": True, "isolate": "no"}, "`isolate` must be True or False: 'no'", None),
        ({"input_spec": int}, "`input_spec` must be a pydantic model: <class 'int'>", None),
    ],
    ids=str,
)  # fmt: skip
def test_wrong(options: dict[str, Any], words: str, hint: str | None) -> None:
    """A wrong option is named, with what it must be and what it was."""
    with pytest.raises(ConfigError) as caught:
        read_options(options)
    assert words in str(caught.value)
    assert caught.value.hint is None if hint is None else hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("decorate", "words"),
    [
        pytest.param(lambda: ekiben.api("/x"), "`@api` takes options by keyword only: '/x'", id="a route by position"),  # type: ignore[call-overload]
        pytest.param(lambda: ekiben.api(int), "`@api` takes a method: <class 'int'>", id="a class"),
        pytest.param(lambda: ekiben.on_startup(3), "`@on_startup` takes a method: 3", id="a hook with an argument"),  # type: ignore[type-var]
    ],
)
def test_what_is_no_method(decorate: Any, words: str) -> None:
    """A decorator that stands in a wrong place says so at once."""
    with pytest.raises(ConfigError) as caught:
        decorate()
    assert words in str(caught.value)


class Fields:
    """Methods whose defaults are Fields."""

    @ekiben.api
    def optional(self, a: int = Field(3, ge=1), *, b: int = Field(default_factory=lambda: 4)) -> int:
        return a + b

    @ekiben.api
    def required(self, a: int = Field(description="needed"), b: int = Field(5)) -> int:
        return a + b

    @ekiben.api
    def keyword(self, *, a: int = Field(description="needed"), b: int = 1) -> int:
        return a + b


def test_plain_calls_see_the_values() -> None:
    """In a plain call `Field(3)` is 3, and a `Field` without a default is a parameter that must be given."""
    fields = Fields()
    assert fields.optional() == 7
    assert fields.required(1) == 6
    assert fields.keyword(a=1) == 2
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        fields.required()
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'a'"):
        fields.keyword()


def test_the_signature_stays_as_written() -> None:
    """Tools that look at the method see the Fields that stand in its source."""
    shown = inspect.signature(Fields.required).parameters
    assert shown["a"].default.description == "needed"
    assert shown["b"].default.default == 5
