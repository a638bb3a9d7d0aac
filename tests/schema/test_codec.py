"""A codec reads what its endpoint's types say: JSON, forms, files, raw bodies, defaults."""

import datetime as dt
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import orjson
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field

from ekiben.core.context import Context
from ekiben.core.errors import InvalidInput, UnsupportedMediaType
from ekiben.schema.codec import plan
from ekiben.schema.content import FORM, JSON, OCTETS, URLENCODED, Upload
from ekiben.schema.signature import read
from ekiben.validators import ContentType
from tests.schema.endpoints import codec_of, signature_of
from tests.schema.samples import Color, Inner, Level, Outer


class Named(BaseModel):
    name: str = Field(alias="Name")


@pytest.fixture
def call() -> Iterator[Context]:
    """Open a call that uploads come with."""
    context = Context()
    yield context
    context.close()


def upload(content: bytes, media: str = OCTETS, name: str = "") -> Upload:
    """Make an upload."""
    return Upload(content, media, name)


def png(size: tuple[int, int] = (4, 3)) -> bytes:
    """Draw a small PNG."""
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return out.getvalue()


def npy(array: np.ndarray) -> bytes:
    """Write a `.npy` file."""
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


UPLOADS = [
    pytest.param(Path, upload(b"abc", "text/plain", "a.txt"), lambda x: x.read_bytes() == b"abc", id="Path"),
    pytest.param(bytes, upload(b"a\xff"), lambda x: x == b"a\xff", id="bytes"),
    pytest.param(bytearray, upload(b"a\xff"), lambda x: x == bytearray(b"a\xff"), id="bytearray"),
    pytest.param(io.BytesIO, upload(b"abc"), lambda x: x.read() == b"abc", id="BytesIO"),
    pytest.param(Image.Image, upload(png()), lambda x: x.size == (4, 3), id="image"),
    pytest.param(np.ndarray, upload(npy(np.ones((2, 2)))), lambda x: x.shape == (2, 2), id="npy"),
    pytest.param(np.ndarray, upload(b"[[1]]", JSON), lambda x: x.shape == (1, 1), id="an array as a file of JSON"),
    pytest.param(NDArray[np.float32], upload(b"\0\0\x80\x3f"), lambda x: x.tolist() == [1.0], id="bare numbers"),
    pytest.param(
        pd.DataFrame, upload(b"a,b\r\n1,x\r\n", "text/csv"), lambda x: list(x.columns) == ["a", "b"], id="CSV"
    ),
    pytest.param(pd.DataFrame, upload(b'[{"a":1}]', JSON), lambda x: list(x.columns) == ["a"], id="a frame as JSON"),
    pytest.param(Path | None, upload(b"abc"), lambda x: x.read_bytes() == b"abc", id="Path | None"),
]


@pytest.mark.parametrize(("hint", "content", "is_right"), UPLOADS)
@pytest.mark.parametrize("root", [False, True], ids=["parameter", "root"])
@pytest.mark.parametrize("way", ["form", "raw"])
def test_uploads(hint: Any, content: Upload, is_right: Any, root: bool, way: str, call: Context) -> None:
    """A file is a part of a form, or the whole body, for a parameter and for the root."""
    codec = codec_of(hint, Any, root=root)
    content = replace(content, scope=call)
    args, kwargs = codec.from_fields([("x", content)]) if way == "form" else codec.from_raw(content)
    assert is_right(args[0] if root else kwargs["x"])


@pytest.mark.parametrize("hint", [list[Path], list[bytes], list[Image.Image], tuple[Path, ...], list[Path] | None])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_repeated_field_is_a_list(hint: Any, count: int, call: Context) -> None:
    """A field that comes again and again is a list; once is a list of one."""
    _, kwargs = codec_of(hint, Any).from_fields([("x", Upload(png(), scope=call))] * count)
    assert len(kwargs["x"]) == count


def test_several_files_for_one() -> None:
    """A repeated field is refused where its parameter is one array, and is a list of arrays where it is that."""
    files = [("x", Upload(npy(np.ones(2)))), ("x", Upload(npy(np.ones(3))))]
    assert [len(array) for array in codec_of(list[np.ndarray], Any).from_fields(files)[1]["x"]] == [2, 3]
    with pytest.raises(InvalidInput, match=r"^x\[0\]: must be a number, not a file$"):
        codec_of(np.ndarray, Any).from_fields(files)


@pytest.mark.parametrize(
    ("hint", "values", "expected"),
    [
        pytest.param(list[str], ["a", "b"], ["a", "b"], id="texts"),
        pytest.param(list[str], ["a"], ["a"], id="one text"),
        pytest.param(list[str], ['["a", "b"]'], ["a", "b"], id="a list of texts as JSON"),
        pytest.param(list[int], ["1", "2"], [1, 2], id="numbers"),
        pytest.param(list[Inner], ['{"n":1}', '{"n":2}'], [Inner(n=1), Inner(n=2)], id="objects"),
        pytest.param(list[list[int]], ["[1]", "[2]"], [[1], [2]], id="lists"),
        pytest.param(str, ["17"], "17", id="text that looks like a number"),
        pytest.param(str, ["null"], "null", id="text that looks like null"),
        pytest.param(str | None, ["null"], "null", id="text or None that looks like null"),
        pytest.param(str | int, ["17"], "17", id="text or a number"),
        pytest.param(int | None, [""], None, id="an empty field for an optional number"),
        pytest.param(Literal["1"], ["1"], "1", id="a literal that looks like a number"),
        pytest.param(Literal[1], ["1"], 1, id="a literal number"),
        pytest.param(Color, ["red"], Color.RED, id="an enumeration"),
        pytest.param(Level, ["2"], Level.HIGH, id="an enumeration of numbers"),
        pytest.param(bool, ["on"], True, id="a ticked box"),
        pytest.param(dt.date, ["2026-01-02"], dt.date(2026, 1, 2), id="a date"),
        pytest.param(Any, ["[1]"], [1], id="anything that is JSON"),
        pytest.param(Any, ["[1"], "[1", id="anything that is no JSON"),
        pytest.param(bytes, ["a"], b"a", id="bytes from a text field"),
    ],
)
def test_text_fields(hint: Any, values: list[str], expected: Any) -> None:
    """A text field is read as its parameter's type asks, never by how it looks."""
    codec = codec_of(hint)
    for reader in (codec, codec_of(hint, root=True)):
        args, kwargs = reader.from_fields([("x", value) for value in values])
        assert (args[0] if args else kwargs["x"]) == expected


def test_root_object_reads_a_form_by_its_fields() -> None:
    """A form is the object itself where the body is one."""
    args, _ = codec_of(Outer, root=True).from_fields([("name", "ab"), ("inner", '[{"n": 1}]')])
    assert args == (Outer(name="ab", inner=[Inner(n=1)]),)


def test_raw_text_is_the_root_text() -> None:
    """A plain text body is the value of a root text parameter, and of no other."""
    codec = codec_of(str, root=True)
    assert codec.raw_media == ("text/*",)
    assert codec.from_raw(upload("é".encode(), "text/plain")) == (("é",), {})
    with pytest.raises(InvalidInput, match="UTF-8"):
        codec.from_raw(upload(b"\xff", "text/plain"))
    with pytest.raises(UnsupportedMediaType, match="text/plain"):
        codec_of(str).from_raw(upload(b"a", "text/plain"))


@pytest.mark.parametrize(
    ("hint", "default", "body", "expected"),
    [
        pytest.param(int, 3, b"{}", 3, id="a default"),
        pytest.param(int, 3, b"", 3, id="no body at all"),
        pytest.param(int, Field(3, ge=1), b"{}", 3, id="a default in Field"),
        pytest.param(list[int], Field(default_factory=list), b"{}", [], id="a default factory"),
        pytest.param(int | None, None, b"{}", None, id="None"),
        pytest.param(bytes, b"x", b"{}", b"x", id="bytes"),
        pytest.param(int, Field(alias="Given"), b'{"Given": 4}', 4, id="an alias"),
    ],
)
def test_defaults(hint: Any, default: Any, body: bytes, expected: Any) -> None:
    """What a caller leaves out has its default."""
    assert codec_of(hint, default=default).from_json(body) == ((), {"x": expected})


@pytest.mark.parametrize(
    ("hint", "default", "body", "expected"),
    [
        pytest.param(Annotated[int, Field(3, ge=1)], ..., b"{}", 3, id="a default"),
        pytest.param(Annotated[int, Field(default=3)], 4, b"{}", 4, id="a default before that of Field"),
        pytest.param(Annotated[int, Field(alias="Given")], ..., b'{"Given":4}', 4, id="an alias"),
        pytest.param(Annotated[list, Field(default_factory=list)], ..., b"{}", [], id="a default factory"),
        pytest.param(Annotated[int, Field(alias="Given")], Field(5, ge=2), b"{}", 5, id="two fields"),
    ],
)
def test_field_in_annotated(hint: Any, default: Any, body: bytes, expected: Any) -> None:
    """`Field` within `Annotated` gives default and alias as it does as a default."""
    assert codec_of(hint, Any, default=default).from_json(body) == ((), {"x": expected})


def test_aliases_in_forms() -> None:
    """A field's alias is its name in a form, and its type is still the parameter's."""
    codec = codec_of(str, default=Field(alias="Given"))
    assert codec.from_fields([("Given", "17")]) == ((), {"x": "17"})
    assert codec_of(Named, Any, root=True).from_fields([("Name", "17")])[0] == (Named(Name="17"),)
    with pytest.raises(InvalidInput, match="Given: is required; x: there is no parameter of this name"):
        codec.from_fields([("x", "17")])


def test_a_mutable_default_is_made_anew() -> None:
    """What one call does to its default is not seen by the next."""
    codec = codec_of(list[int], default=[])
    codec.from_json(b"{}")[1]["x"].append(1)
    assert codec.from_json(b"{}")[1]["x"] == []


def test_field_as_default_is_required_and_described() -> None:
    """`Field(description=...)` as a default documents a required parameter."""
    codec = codec_of(int, default=Field(description="how many", ge=1, examples=[3]))
    assert codec.input_schema["properties"]["x"] == {
        "description": "how many",
        "examples": [3],
        "minimum": 1,
        "title": "X",
        "type": "integer",
    }
    for body, words in ((b"{}", "x: is required"), (b'{"x":0}', "x: must be greater than or equal to 1, not 0")):
        with pytest.raises(InvalidInput) as caught:
            codec.from_json(body)
        assert str(caught.value) == words


def test_names_that_pydantic_uses_itself() -> None:
    """A parameter may have any name."""

    class Service:
        def f(self, model_config: int, copy: int, _hidden: int, json: int, schema: int) -> int: ...

    codec = plan_of(Service.f)
    names = ("model_config", "copy", "_hidden", "json", "schema")
    assert codec.from_json(orjson.dumps(dict.fromkeys(names, 1))) == ((), dict.fromkeys(names, 1))


def test_starred_parameters() -> None:
    """`*args` is a list of that name and `**kwargs` an object; what stands before `*args` goes by position."""

    class Service:
        def f(self, a: int, *args: int, b: int = 2, **kwargs: str) -> int: ...

    codec = plan_of(Service.f)
    body = {"a": 1, "args": [2, 3], "kwargs": {"c": "x"}}
    assert codec.from_json(orjson.dumps(body)) == ((1, 2, 3), {"b": 2, "c": "x"})
    with pytest.raises(InvalidInput, match=r"kwargs\.b"):
        codec.from_json(b'{"a": 1, "kwargs": {"b": "x"}}')


def plan_of(function: Any) -> Any:
    """Plan a method's codec."""
    return plan(read(function))


@pytest.mark.parametrize(
    ("hint", "default", "expected"),
    [
        (int, ..., (JSON, FORM, URLENCODED)),
        (Image.Image, ..., (FORM, JSON, "image/*", OCTETS)),
        (Path, ..., (FORM, "*/*")),
        (Path | None, None, (FORM, JSON, "*/*")),
        (Annotated[Path, ContentType("audio/*")], ..., (FORM, "audio/*")),
        (np.ndarray, ..., (JSON, FORM, URLENCODED, "application/x-npy", OCTETS)),
        (list[Image.Image], ..., (FORM, JSON)),
    ],
)
def test_input_media(hint: Any, default: Any, expected: tuple[str, ...]) -> None:
    """The content types that an endpoint reads are listed, the best one first."""
    assert codec_of(hint, Any, default=default).input_media == expected


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, True),
        (np.ndarray, True),
        (list[list[int]], True),
        (dict[str, int], True),
        (int | None, True),
        (Any, False),
        (dict, False),
        (list, False),
        (Inner, False),
    ],
)
def test_is_shallow(hint: Any, expected: bool) -> None:
    """Depth needs no counting where the type bounds it."""
    assert codec_of(hint).is_shallow is expected


def test_batch_leaf() -> None:
    """A list is a batch of its items; an array is a batch along its axis; anything else is none."""
    leaves = [codec_of(hint).leaf for hint in (list[str], np.ndarray, Annotated[list[int], Field()], str, dict)]
    assert [leaf and leaf.kind for leaf in leaves] == ["record", "ndarray", "record", None, None]


def test_signature_of_nothing() -> None:
    """An endpoint without parameters takes an empty body and an empty object."""

    class Service:
        def f(self) -> None: ...

    codec = plan_of(Service.f)
    assert codec.from_json(b"") == codec.from_json(b"{}") == ((), {})
    assert codec.encode(None).body == b"null"
    assert signature_of(int).parameters[0].is_required
