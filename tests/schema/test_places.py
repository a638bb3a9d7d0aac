"""Which arguments stand in a URL follows from route and method; what no URL can carry is refused at import."""

from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.spec import EndpointSpec
from ekiben.schema.places import names_in
from ekiben.services.endpoints import clash


class Row(BaseModel):
    """A record."""

    a: int


def one(self: Any, a: int) -> int:
    return a


def other(self: Any, a: int) -> int:
    return a


def rows(self: Any, a: list[Row]) -> int:
    return 1


def record(self: Any, a: Row) -> int:
    return 1


def many(self: Any, a: list[int]) -> int:
    return 1


def array(self: Any, a: np.ndarray) -> int:
    return 1


def data(self: Any, a: bytes) -> int:
    return 1


def root(self: Any, a: int, /) -> int:
    return a


def rest(self: Any, **a: int) -> int:
    return 1


@pytest.mark.parametrize(
    ("route", "expected"),
    [("/a", ()), ("/{a}", ("a",)), ("/a/{b}/c/{d}", ("b", "d")), ("/a{b}", ()), ("/{1}", ()), ("", ())],
)
def test_names(route: str, expected: tuple[str, ...]) -> None:
    """A name is a whole segment in braces."""
    assert names_in(route) == expected


@pytest.mark.parametrize(
    ("options", "function", "words"),
    [
        pytest.param({"route": "/x/{b}"}, one, "names `b`, which is no parameter of it: /x/{b}", id="an unknown name"),
        pytest.param(
            {"route": "/x/{a}"}, many, "stands in the path and must be a text, a number", id="a list in a path"
        ),
        pytest.param({"method": "GET"}, record, "stands in a query and must be a text", id="a record in a query"),
        pytest.param({"method": "GET"}, rows, "stands in a query and must be a text", id="a list of records"),
        pytest.param({"method": "GET"}, array, "stands in a query and must be a text", id="an array in a query"),
        pytest.param({"method": "GET"}, data, "stands in a query and must be a text", id="bytes in a query"),
        pytest.param({"method": "DELETE"}, rest, "stands in a query and must be a text", id="any names in a query"),
        pytest.param({"method": "GET"}, root, "takes its body whole", id="a whole body without a body"),
        pytest.param({"method": "GET", "input_spec": Row}, one, "has an `input_spec`", id="a model of the body"),
        pytest.param(
            {"method": "GET", "batchable": True}, many, "cannot take arguments from its URL", id="a batch by query"
        ),
    ],
)
def test_refused(options: dict[str, Any], function: Any, words: str) -> None:
    """What cannot stand in a URL is refused, with the method's name."""
    with pytest.raises(ConfigError) as caught:
        ekiben.service(type("Service", (), {"run": ekiben.api(**options)(function)}))
    assert words in str(caught.value)
    assert function.__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        pytest.param("GET /a", "GET /a", True, id="the same route"),
        pytest.param("GET /a", "POST /a", False, id="another method"),
        pytest.param("GET /{a}", "GET /{b}", True, id="two names of one parameter"),
        pytest.param("GET /a/{b}", "GET /{a}/b", True, id="two that both fit one path"),
        pytest.param("GET /a/{b}", "GET /c/{b}", False, id="two that fit no path both"),
        pytest.param("GET /a/{b}", "GET /a/b", False, id="the one without parameters goes first"),
        pytest.param("GET /a/{b}", "GET /a/{b}/c", False, id="another length"),
        pytest.param("GET /{a}", "PUT /{b}", False, id="another method, another name"),
    ],
)
def test_clash(left: str, right: str, expected: bool) -> None:
    """Two routes clash where one request could be for either."""
    specs = [EndpointSpec("x", told.split()[1], methods=(told.split()[0],)) for told in (left, right)]
    assert clash(*specs) is clash(*reversed(specs)) is expected


def test_clashing_endpoints() -> None:
    """A service with two endpoints for one request is refused, and both are named."""
    members = {
        "first": ekiben.api(route="/x/{a}", method="GET")(one),
        "second": ekiben.api(route="/{a}/y", method="GET", name="second")(other),
    }
    with pytest.raises(ConfigError, match=r"`Service.second` has the route of the endpoint `Service.first`: /{a}/y"):
        ekiben.service(type("Service", (), members))
