"""`JSON` takes any JSON or what a model says, and writes nearly every value."""

import json
from dataclasses import dataclass
from typing import Any

import attrs
import numpy as np
import pytest
from bentoml.exceptions import InvalidArgument
from bentoml.io import JSON, from_spec
from pydantic import BaseModel, Field

from compat.bentoml.tests.io.codecs import codec_of, read
from ekiben.core.errors import InvalidInput


class Inner(BaseModel):
    n: int


class Row(BaseModel):
    name: str
    size: float = 1.0
    inner: list[Inner] = []


class Aliased(BaseModel):
    n: int = Field(default=1, alias="N")


@dataclass
class Point:
    x: int


@attrs.define
class Pair:
    a: Any


@pytest.mark.parametrize("body", [b'{"a": [1, null, "x"]}', b"[1]", b"3", b'"text"', b"null", b"true", b"1.5"])
def test_any_json_passes(body: bytes) -> None:
    """Without a model, data comes as it is."""
    assert read(codec_of(JSON()), body) == json.loads(body)


def test_json_under_any_type() -> None:
    """JSON that comes as text, or as what curl calls a form, is JSON."""
    for descriptor in (JSON(), JSON(pydantic_model=Row)):
        codec = codec_of(descriptor)
        assert codec.json_media == ("*/*",)
        assert "application/x-www-form-urlencoded" not in codec.input_media


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b"[" * 300 + b"]" * 300])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"is not JSON|is required"):
        read(codec_of(JSON()), body)


def test_a_model() -> None:
    """A model makes instances, fills defaults, and names each wrong place."""
    codec = codec_of(JSON(pydantic_model=Row))
    row = read(codec, b'{"name": "a", "inner": [{"n": 2}]}')
    assert row == Row(name="a", inner=[Inner(n=2)])
    assert type(row) is Row
    with pytest.raises(InvalidInput) as refused:
        read(codec, b'{"inner": [{"n": "x"}]}')
    assert [problem.path for problem in refused.value.problems] == ["name", "inner[0].n"]


def test_a_model_always_validates(caplog: pytest.LogCaptureFixture) -> None:
    """`validate_json` changes nothing, as with BentoML, and whoever says False is told."""
    codec = codec_of(JSON(pydantic_model=Row, validate_json=False))
    assert "`JSON(validate_json=False)` changes nothing" in caplog.text
    assert type(read(codec, b'{"name": "a"}')) is Row
    caplog.clear()
    JSON(pydantic_model=Row, validate_json=True)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("value", "body"),
    [
        pytest.param("text", b'"text"', id="text is JSON text"),
        pytest.param(None, b"null", id="nothing"),
        pytest.param({"a": np.float32(0.5), "b": np.arange(3)}, b'{"a":0.5,"b":[0,1,2]}', id="NumPy within"),
        pytest.param(np.array([[1.5]]), b"[[1.5]]", id="an array"),
        pytest.param(Row(name="a"), b'{"name":"a","size":1.0,"inner":[]}', id="a model"),
        pytest.param([Row(name="a", inner=[Inner(n=1)])], b'[{"name":"a","size":1.0,"inner":[{"n":1}]}]', id="models"),
        pytest.param(Aliased(N=2), b'{"n":2}', id="a model's fields by their own names"),
        pytest.param(Point(1), b'{"x":1}', id="a dataclass"),
        pytest.param({"pair": Pair(Pair(1))}, b'{"pair":{"a":{"a":1}}}', id="classes by attrs"),
        pytest.param({1: "a"}, b'{"1":"a"}', id="keys that are no text"),
        pytest.param("señal", '"señal"'.encode(), id="letters as they are"),
    ],
)
def test_what_is_written(value: Any, body: bytes) -> None:
    encoded = codec_of(JSON()).encode(value)
    assert (encoded.body, encoded.media_type) == (body, "application/json")


def test_what_has_no_json_form() -> None:
    with pytest.raises(TypeError, match=r"a: a value of type object has no JSON form"):
        codec_of(JSON()).encode({"a": object()})


def test_an_encoder_of_ones_own() -> None:
    """A user's encoder writes answers, and nobody else does."""

    class Loud(json.JSONEncoder):
        def default(self, o: Any) -> Any:
            return f"<{type(o).__name__}>"

    codec = codec_of(JSON(json_encoder=Loud))
    assert codec.encode({"a": Point(1), "é": 1}).body == '{"a":"<Point>","é":1}'.encode()


@pytest.mark.parametrize(
    "options", [{"pydantic_model": dict}, {"pydantic_model": Row(name="a")}, {"json_encoder": json.dumps}]
)
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="must be a class that inherits from"):
        JSON(**options)


@pytest.mark.parametrize(
    ("sample", "example"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        (b"[1]", [1]),
        (Row(name="a"), {"name": "a", "size": 1.0, "inner": []}),
    ],
)
def test_from_a_sample(sample: Any, example: Any) -> None:
    """A sample is data, JSON, or an instance of the model; it stands in the documents."""
    descriptor = JSON.from_sample(sample)
    assert descriptor.openapi_example() == example
    assert example in descriptor.openapi_schema()["examples"]
    assert codec_of(descriptor).output_schema["examples"] == [example]


def test_a_sample_makes_the_model() -> None:
    """A model's instance makes the descriptor one of that model."""
    assert type(read(codec_of(JSON.from_sample(Row(name="a"))), b'{"name": "b"}')) is Row
    for wrong in ("{", object()):
        with pytest.raises(InvalidArgument, match="a sample of `JSON` must"):
            JSON.from_sample(wrong)


def test_documents() -> None:
    """What a model refers to is among the components, for input and answer."""
    descriptor = JSON(pydantic_model=Row)
    schema = descriptor.openapi_schema()
    assert schema["properties"]["inner"]["items"] == {"$ref": "#/components/schemas/Inner"}
    assert set((descriptor.openapi_components() or {})["schemas"]) == {"Inner"}
    assert "Inner" in json.dumps(codec_of(descriptor).output_schema["$defs"])
    assert JSON().openapi_schema() == {}
    assert (JSON().mime_type, descriptor.input_type()) == ("application/json", Row)


def test_to_data_and_back() -> None:
    """A model cannot be written as data, and whoever reads it back is told."""
    assert JSON().to_spec() == {
        "id": "bentoml.io.JSON",
        "args": {"has_pydantic_model": False, "has_json_encoder": False},
    }
    assert isinstance(from_spec(JSON().to_spec()), JSON)
    with pytest.warns(UserWarning, match="holds no model"):
        assert isinstance(from_spec(JSON(pydantic_model=Row).to_spec()), JSON)
