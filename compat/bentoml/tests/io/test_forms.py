"""`Multipart` takes a form apart by its descriptors, and makes one of several answers."""

import email.policy
import io
import json
from email.parser import BytesParser
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.io import JSON, File, Image, IODescriptor, Multipart, NumpyNdarray, PandasDataFrame, Text, from_spec
from pydantic import BaseModel

from compat.bentoml.tests.io.codecs import codec_of
from ekiben.core.context import Context
from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Limits
from ekiben.http.form import read_whole
from ekiben.schema.content import JSON as MEDIA
from ekiben.schema.content import Upload


class Inner(BaseModel):
    n: int


class Row(BaseModel):
    inner: list[Inner]


def png() -> bytes:
    target = io.BytesIO()
    PIL.Image.new("RGB", (4, 3)).save(target, "PNG")
    return target.getvalue()


ALL = Multipart(arr=NumpyNdarray(), words=Text(), data=JSON(), im=Image(), df=PandasDataFrame(), file=File())
FIELDS = [
    ("arr", "[[1, 2]]"),
    ("words", "día"),
    ("data", '{"a": 1}'),
    ("im", Upload(png(), "image/png", "a.png")),
    ("df", Upload(b"a,b\n1,2\n", "text/csv")),
    ("file", Upload(b"abc", "x/y", "a.bin")),
]


def test_each_part_by_its_descriptor() -> None:
    """Parts become keyword arguments, each as its descriptor reads it."""
    args, found = codec_of(ALL).from_fields(FIELDS)
    assert args == ()
    assert found["arr"].tolist() == [[1, 2]]
    assert (found["words"], found["data"]) == ("día", {"a": 1})
    assert found["im"].size == (4, 3)
    assert found["df"].to_dict("list") == {"a": [1], "b": [2]}
    assert found["file"].read() == b"abc"


def test_parts_as_files() -> None:
    """JSON, arrays, frames and text may also come as file parts, as BentoML's clients send them."""
    codec = codec_of(Multipart(arr=NumpyNdarray(), words=Text(), data=JSON(), df=PandasDataFrame()))
    _, found = codec.from_fields(
        [
            ("arr", Upload(b"[1]", MEDIA)),
            ("words", Upload("día".encode("latin-1"), "text/plain; charset=latin-1")),
            ("data", Upload(b"[null]", MEDIA)),
            ("df", Upload(b'[{"a": 1}]', MEDIA)),
        ]
    )
    assert (found["arr"].tolist(), found["words"], found["data"], found["df"].shape) == ([1], "día", [None], (1, 1))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("arr", "[[1], [2, 3]]", "arr[1]: must have as many items"),
        ("data", "{no json", "data: is not JSON"),
        ("words", Upload(b"\xff", "text/plain"), "words: must be text in UTF-8"),
        ("im", Upload(b"no image", "image/png"), "im: is not an image"),
        ("im", "[1]", "im: must be an uploaded image"),
        ("df", "[[1", "df: is not JSON"),
        ("file", "text", "file: must be an uploaded file"),
    ],
)
def test_a_wrong_part_is_named(name: str, value: Any, words: str) -> None:
    fields = [(key, value if key == name else given) for key, given in FIELDS]
    with pytest.raises(InvalidInput) as refused:
        codec_of(ALL).from_fields(fields)
    assert words in str(refused.value)


def test_missing_and_unknown_parts() -> None:
    """Every missing part is told; what nobody asked for is passed over, in requests and in answers."""
    codec = codec_of(Multipart(a=Text(), b=JSON()))
    with pytest.raises(InvalidInput, match="b: is required"):
        codec.from_fields([("a", "x"), ("c", "y")])
    assert codec.from_fields([("a", "x"), ("b", "1"), ("c", "y")]) == ((), {"a": "x", "b": 1})
    assert b'name="c"' not in codec.encode({"a": "x", "b": 1, "c": 2}).body


def test_an_answer_of_parts() -> None:
    """A dict of values becomes a form, each part in its descriptor's type."""
    value = {
        "arr": np.array([1.5, np.nan]),
        "words": "día",
        "data": Row(inner=[Inner(n=1)]),
        "im": np.zeros((3, 4, 3), "uint8"),
        "df": pd.DataFrame({"a": [1]}),
        "file": b"abc",
    }
    answer = codec_of(ALL).encode(value)
    head = f"Content-Type: {answer.media_type}\r\n\r\n".encode()
    parts = {
        part.get_param("name", header="content-disposition"): part
        for part in BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.body).iter_parts()
    }
    assert {name: part.get_content_type() for name, part in parts.items()} == {
        "arr": "application/json",
        "words": "text/plain",
        "data": "application/json",
        "im": "image/jpeg",
        "df": "application/json",
        "file": "application/octet-stream",
    }
    assert json.loads(parts["data"].get_payload(decode=True)) == {"inner": [{"n": 1}]}
    assert parts["arr"].get_payload(decode=True) == b"[1.5,NaN]"


def test_what_we_send_we_read() -> None:
    """An answer of parts can be sent on to an API that takes the same."""
    codec = codec_of(Multipart(arr=NumpyNdarray(), words=Text(), file=File()))
    answer = codec.encode({"arr": np.arange(3), "words": "a\r\n--b", "file": b"\r\n--\x00"})
    _, found = codec.from_fields(read_whole(answer.body, answer.media_type.encode(), Limits(), Context()))
    assert (found["arr"].tolist(), found["words"], found["file"].read()) == ([0, 1, 2], "a\r\n--b", b"\r\n--\x00")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1], "must be a dict of the parts a, b: list"),
        ({"a": "x"}, "must have the parts a, b; missing: b"),
    ],
)
def test_answers_that_are_no_form(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        codec_of(Multipart(a=Text(), b=JSON())).encode(value)


def test_wrong_parts() -> None:
    """A part is a descriptor of ours, and no form itself."""

    class Own(IODescriptor[str]):
        async def from_http_request(self, request: Any) -> str:
            return "x"

    with pytest.raises(InvalidArgument, match="must have parts"):
        Multipart()
    for wrong, words in (
        (Multipart(a=Text()), "and no `Multipart`"),
        (str, "must be a descriptor"),
        (Own(), "Own takes"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            Multipart(a=wrong)
    with pytest.raises(BentoMLException, match="a form has no one value"):
        Multipart(a=Text()).parameter_hint()


def test_documents() -> None:
    """The form's parts stand in the documents, with what their models refer to and their samples."""
    descriptor = Multipart(row=JSON(pydantic_model=Row), im=Image(), arr=NumpyNdarray.from_sample(np.array([1])))
    form = descriptor.openapi_request_body()["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["im"]["format"] == "binary"
    assert form["properties"]["row"] == {"$ref": "#/components/schemas/Row"}
    assert set((descriptor.openapi_components() or {})["schemas"]) == {"Inner", "Row"}
    answer = descriptor.openapi_responses()["content"]["multipart/form-data"]
    assert answer
    assert descriptor.openapi_example() == {"arr": [1]}
    assert codec_of(descriptor).output_schema["properties"]["arr"]["examples"] == [[1]]
    assert (descriptor.mime_type, set(descriptor.input_type())) == ("multipart/form-data", {"row", "im", "arr"})


def test_to_data_and_back() -> None:
    """A form is written as the data of its parts, and made again; samples go into the parts."""
    assert from_spec(ALL.to_spec()).to_spec() == ALL.to_spec()
    assert repr(Multipart(a=Text())) == "Multipart(a=Text())"
    assert list(Multipart.from_sample({"a": Text.from_sample("x")}, b=JSON()).parts) == ["a", "b"]
    with pytest.raises(InvalidArgument, match="takes descriptors by name"):
        Multipart.from_sample(np.array([1]))
