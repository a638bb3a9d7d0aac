"""Files, text, JSON and Clipper's values are read whatever the content type says, as far as they can be."""

from typing import Any

import numpy as np
import pytest
from bentoml.adapters import (
    ClipperBytesInput,
    ClipperDoublesInput,
    ClipperFloatsInput,
    ClipperIntsInput,
    ClipperStringsInput,
    FileInput,
    JsonInput,
    MultiFileInput,
    StringInput,
)
from bentoml.bundles.files import NamedInputs
from bentoml.types import FileLike

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.schema.content import Upload

FORM = "multipart/form-data; boundary=x"


def form(*parts: tuple[str, bytes]) -> bytes:
    """Write a form of files."""
    head = '--x\r\ncontent-disposition: form-data; name="{0}"; filename="{0}.txt"\r\n\r\n'
    return b"".join(head.format(name).encode() + content + b"\r\n" for name, content in parts) + b"--x--\r\n"


@pytest.mark.parametrize(
    ("adapter", "body", "media", "expected"),
    [
        pytest.param(JsonInput(), b'{"a": 1}', "application/json", {"a": 1}, id="JSON"),
        pytest.param(JsonInput(), b'{"a": 1}', "", {"a": 1}, id="JSON without a type"),
        pytest.param(JsonInput(), b"[1]", "text/plain", [1], id="JSON as text"),
        pytest.param(JsonInput(), b'{"a": 1}', "application/x-www-form-urlencoded", {"a": 1}, id="as curl sends it"),
        pytest.param(JsonInput(), '"é"'.encode("latin-1"), "text/json; charset=latin-1", "é", id="in its charset"),
        pytest.param(JsonInput(), form(("f", b"[1, 2]")), FORM, [1, 2], id="JSON as a file"),
        pytest.param(JsonInput(), b"null", "application/json", None, id="null"),
        pytest.param(StringInput(), b'"a"', "application/json", '"a"', id="JSON is text as it stands"),
        pytest.param(StringInput(), b"", "text/plain", "", id="no text is empty text"),
        pytest.param(StringInput(), form(("f", b"words")), FORM, "words", id="text as a file"),
        pytest.param(ClipperBytesInput(), b"\x00\xff", "application/octet-stream", b"\x00\xff", id="bytes"),
        pytest.param(ClipperBytesInput(), b'{"input": "ab"}', "application/json", b"ab", id="bytes in JSON"),
        pytest.param(ClipperStringsInput(), b'{"input": "ab"}', "application/json", "ab", id="Clipper's text"),
    ],
)
def test_values(adapter: Any, body: bytes, media: str, expected: Any) -> None:
    """A body is read as 0.13 read it."""
    assert adapter.read(body, media, Context()) == expected


@pytest.mark.parametrize(
    ("adapter", "dtype"),
    [(ClipperFloatsInput(), "float32"), (ClipperDoublesInput(), "float64"), (ClipperIntsInput(), "int32")],
)
def test_numbers(adapter: Any, dtype: str) -> None:
    """Clipper's numbers are arrays of their kind."""
    found = adapter.read(b'{"input": [1, 2]}', "application/json", Context())
    assert isinstance(found, np.ndarray)
    assert (found.dtype.name, found.tolist()) == (dtype, [1, 2])
    assert adapter.leaf().schema()["type"] == "array"


@pytest.mark.parametrize(
    ("adapter", "body", "media", "words"),
    [
        pytest.param(JsonInput(), b"{", "application/json", "JSON", id="half of JSON"),
        pytest.param(JsonInput(), b"[" * 100_000, "application/json", "JSON", id="JSON without a floor"),
        pytest.param(JsonInput(), b"[" * 100_000, "text/plain", "JSON", id="the same as text"),
        pytest.param(JsonInput(), form(("f", b"1"), ("g", b"2")), FORM, "a form of 2 parts", id="two files"),
        pytest.param(JsonInput(), form(), FORM, "no field", id="a form of nothing"),
        pytest.param(JsonInput(), b"1", "multipart/form-data", "boundary", id="a form without a boundary"),
        pytest.param(JsonInput(), b"\x80\x04K\x01.", "application/x-pickle", "pickles are not read", id="a pickle"),
        pytest.param(StringInput(), b"\xff", "text/plain", "must be text in UTF-8", id="bytes for text"),
        pytest.param(StringInput(), b"a", "text/plain; charset=zip", "another charset", id="an unpacker for a charset"),
        pytest.param(FileInput(), form(("f", b"1"), ("g", b"2")), FORM, "must be one file", id="two files for one"),
        pytest.param(ClipperIntsInput(), b"[1.5]", "application/json", "a list of whole numbers", id="halves"),
        pytest.param(ClipperIntsInput(), b"[true]", "application/json", "a list of whole numbers", id="true"),
        pytest.param(ClipperIntsInput(), b"[3000000000]", "application/json", "int32 can hold", id="too large"),
        pytest.param(ClipperFloatsInput(), b"3", "application/json", "a list of numbers", id="one number"),
        pytest.param(ClipperStringsInput(), b"3", "application/json", "must be text", id="a number for text"),
    ],
)
def test_what_cannot_be_read(adapter: Any, body: bytes, media: str, words: str) -> None:
    """What cannot be read is the caller's mistake, with words."""
    with pytest.raises(InvalidInput, match=words):
        adapter.read(body, media, Context())


def test_a_file() -> None:
    """A file is open for reading, and tells its name and type."""
    found = FileInput().read(form(("f", b"abc")), FORM, Context())
    assert isinstance(found, FileLike)
    assert (found.read(), found.name, found.bytes_) == (b"abc", "f.txt", b"abc")
    assert found.stream is found
    body = FileInput().read(b"[1]", "application/json", Context())
    assert (body.read(), body.content_type, body.name) == (b"[1]", "application/json", "")
    assert FileInput().leaf().decode(found) is found


def test_named_files() -> None:
    """Files are read by their names; one that is missing is None where that is allowed."""
    strict, lax = MultiFileInput(["a", "b"]), MultiFileInput(("a", "b"), allow_none=True)
    both = strict.read(form(("b", b"2"), ("a", b"1"), ("c", b"3")), FORM, Context())
    assert [file.read() for (file,) in strict.arguments([both])] == [b"1", b"2"]
    with pytest.raises(InvalidInput, match="b"):
        strict.read(form(("a", b"1")), FORM, Context())
    one = lax.read(form(("a", b"1")), FORM, Context())
    assert lax.arguments([one])[1] == [None]
    assert strict.config == {"input_names": ["a", "b"], "allow_none": False}
    with pytest.raises(ConfigError, match="a list of different names"):
        MultiFileInput(["a", ""])
    with pytest.raises(ConfigError, match="`NamedInputs` has no parts"):
        NamedInputs().hint()


def test_a_name_is_never_a_path() -> None:
    """A sender's file name is cut to its base, and opens nothing."""
    leaf = FileInput().leaf()
    assert leaf.decode(Upload(b"x", "text/plain", "../../etc/passwd")).name == "passwd"
    assert leaf.decode("/etc/passwd").read() == b"/etc/passwd"


def test_an_example_is_shown() -> None:
    """An example of an input stands in its schema."""
    schema = JsonInput(http_input_example={"a": 1}).request_schema["application/json"]["schema"]
    assert schema["examples"] == [{"a": 1}]
