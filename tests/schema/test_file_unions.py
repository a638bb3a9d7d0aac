"""A file part of a form is for the member of a union that is a file, a text field for the others."""

# ruff: noqa: UP007, UP045 - both spellings of a union are tested

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Optional, Union

import numpy as np
import pytest
from PIL import Image

from ekiben.core.context import Context
from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Limits
from ekiben.http.form import FormReader
from ekiben.schema.codec import Codec
from ekiben.schema.content import FORM, JSON
from tests.schema.endpoints import codec_of
from tests.schema.test_codec import npy, png

Send = Callable[..., Any]
IMAGES = [Union[Image.Image, str], Union[str, Image.Image], Optional[Union[Image.Image, str]]]
PATHS = [Union[Path, str], Union[str, Path], Optional[Union[Path, str]], Path | str | None]


@pytest.fixture
def send() -> Iterator[Send]:
    """Give a function that posts one part as multipart/form-data to a codec."""
    context = Context()

    def post(codec: Codec, content: bytes, filename: str = "", media: str = "") -> Any:
        head = b'--b\r\nContent-Disposition: form-data; name="x"'
        head += f'; filename="{filename}"'.encode() if filename else b""
        head += f"\r\nContent-Type: {media}".encode() if media else b""
        reader = FormReader(b"b", Limits(), context)
        reader.feed(head + b"\r\n\r\n" + content + b"\r\n--b--\r\n")
        args, kwargs = codec.from_fields(reader.finish())
        return args[0] if args else kwargs["x"]

    yield post
    context.close()


@pytest.mark.parametrize("hint", IMAGES, ids=str)
@pytest.mark.parametrize("root", [False, True], ids=["parameter", "root"])
def test_image_or_text(hint: Any, root: bool, send: Send) -> None:
    """An uploaded picture is an image, a text field the text; an upload that is no image is no text either."""
    codec = codec_of(hint, Any, root=root)
    assert send(codec, png(), "a.png", "image/png").size == (4, 3)
    assert send(codec, b"17") == "17"
    with pytest.raises(InvalidInput, match="is not an image that can be read"):
        send(codec, b"words", "a.txt", "text/plain")


@pytest.mark.parametrize("hint", PATHS, ids=str)
@pytest.mark.parametrize("root", [False, True], ids=["parameter", "root"])
@pytest.mark.parametrize("content", [b"words", b"[1]", b"\xff\0"], ids=["text", "JSON", "binary"])
def test_file_or_text(hint: Any, root: bool, content: bytes, send: Send) -> None:
    """An upload is a file whatever is in it, a text field the text: never a path that the client named."""
    codec = codec_of(hint, Any, root=root)
    found = send(codec, content, "a.txt", "text/plain")
    assert isinstance(found, Path)
    assert found.read_bytes() == content
    assert send(codec, b"/etc/passwd") == "/etc/passwd"
    assert send(codec, b"[1]") == "[1]"


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        pytest.param(Path | int, b"3", 3, id="a number"),
        pytest.param(Path | int | None, b"", None, id="None"),
        pytest.param(Path | dict[str, int], b'{"a": 1}', {"a": 1}, id="an object"),
        pytest.param(Path | Literal[1, "a"], b"1", 1, id="a literal"),
        pytest.param(Path | np.ndarray, b"[1, 2]", [1, 2], id="an array"),
        pytest.param(list[Path] | Path, None, None, id="a file or several"),
    ],
)
def test_other_members(hint: Any, text: bytes | None, expected: Any, send: Send) -> None:
    """Beside a file, a text field is read as the other members ask."""
    codec = codec_of(hint, Any)
    found = send(codec, b"1", "a.txt", "text/plain")
    assert (found[0] if isinstance(found, list) else found).read_bytes() == b"1"
    if text is not None:
        value = send(codec, text)
        assert (value.tolist() if isinstance(value, np.ndarray) else value) == expected


def test_array_or_text(send: Send) -> None:
    """A `.npy` file is the array, words are the text."""
    codec = codec_of(Union[np.ndarray, str], Any)
    assert send(codec, npy(np.ones((2, 2))), "a.npy").shape == (2, 2)
    assert send(codec, b"words") == "words"


def test_list_of_images_or_texts(send: Send) -> None:
    """Each item of a list is read on its own."""
    codec = codec_of(list[Image.Image | str], Any)
    assert send(codec, png(), "a.png", "image/png")[0].size == (4, 3)
    assert send(codec, b"words") == ["words"]


def test_anything_gets_no_upload(send: Send) -> None:
    """Where anything goes, a file part is read as text, as without the file member."""
    assert send(codec_of(Union[Image.Image, Any], Any), b"words", "a.txt", "text/plain") == "words"


def test_text_may_come_as_json() -> None:
    """A union with a member that JSON can hold is read from JSON; the text is no path."""
    codec = codec_of(Union[Path, str], Any)
    assert codec.input_media == (FORM, JSON)
    assert codec.from_json(b'{"x": "/etc/passwd"}') == ((), {"x": "/etc/passwd"})
