"""`Image` knows images by their content, converts them, and writes the declared type."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from bentoml.exceptions import InvalidArgument
from bentoml.io import Image, from_spec

from compat.bentoml.tests.io.codecs import codec_of
from ekiben.core.errors import InvalidInput
from ekiben.schema.content import OCTETS, Upload


def file_of(form: str, mode: str = "RGB", size: tuple[int, int] = (4, 3)) -> bytes:
    target = io.BytesIO()
    PIL.Image.new(mode, size).save(target, form)
    return target.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("media", ["image/png", "image/*", OCTETS])
def test_by_content(form: str, media: str) -> None:
    """The content says what an image is, whatever its sender calls it; it comes in the asked mode."""
    (image,), _ = codec_of(Image(pilmode="RGB")).from_raw(Upload(file_of(form), media))
    assert (image.mode, image.size) == ("RGB", (4, 3))


@pytest.mark.parametrize(("mode", "expected"), [("L", "L"), ("RGBA", "RGBA"), (None, "P"), ("1", "1")])
def test_modes(mode: str | None, expected: str) -> None:
    """An image gets the asked mode; without one it keeps its own."""
    (image,), _ = codec_of(Image(pilmode=mode)).from_raw(Upload(file_of("GIF", "P"), "image/gif"))
    assert image.mode == expected


def test_a_digit_keeps_its_form() -> None:
    """Without a mode, a grey image stays one: code that asks for (28, 28) gets that, as with BentoML."""
    (image,), _ = codec_of(Image()).from_raw(Upload(file_of("PNG", "L", (28, 28)), "image/png"))
    assert np.array(image).shape == (28, 28)


def test_in_a_form() -> None:
    """An image may be the only part of a form."""
    (image,), _ = codec_of(Image()).from_fields([("any", Upload(file_of("PNG"), "image/png", "a.png"))])
    assert image.size == (4, 3)


def test_allowed_types() -> None:
    """Only the allowed types are taken, judged by the content."""
    codec = codec_of(Image(allowed_mime_types=["image/png"]))
    assert codec.from_raw(Upload(file_of("PNG"), "image/jpeg"))[0][0].size == (4, 3)
    with pytest.raises(InvalidInput, match="must be an image of type image/png, not image/jpeg"):
        codec.from_raw(Upload(file_of("JPEG"), "image/png"))
    assert codec.input_schema["contentMediaType"] == "image/png"
    assert codec_of(Image(allowed_mime_types=["image/jpg"])).from_raw(Upload(file_of("JPEG"), "image/jpeg"))


@pytest.mark.parametrize(("media", "form"), [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/webp", "WEBP")])
@pytest.mark.parametrize("value", [PIL.Image.new("RGBA", (4, 3)), np.zeros((3, 4, 3), "uint8")], ids=["image", "array"])
def test_what_is_written(media: str, form: str, value: Any) -> None:
    """An image, or an array of pixels, is written as the declared type."""
    answer = codec_of(Image(mime_type=media)).encode(value)
    image = PIL.Image.open(io.BytesIO(answer.body))
    assert (answer.media_type, image.format, image.size) == (media, form, (4, 3))


@pytest.mark.parametrize("value", [b"bytes", "path.png", np.zeros((2, 2, 9)), np.array("x")], ids=repr)
def test_answers_that_are_no_image(value: Any) -> None:
    with pytest.raises(TypeError, match="the answer must be"):
        codec_of(Image()).encode(value)


def bomb() -> bytes:
    """Write a PNG of 30000 x 30000 pixels in few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    packed = zlib.compress(b"\0" * 3751 * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(bomb(), "is an image of too many pixels", id="a bomb"),
        pytest.param(file_of("JPEG", size=(90, 90))[:400], "is a damaged image", id="cut short"),
        pytest.param(b"", "is not an image", id="nothing"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image", id="a program (EPS)"),
        pytest.param(b"<svg onload='x'/>", "is not an image", id="SVG"),
        pytest.param(b"\x80\x04N.", "is not an image", id="a pickle"),
    ],
)
def test_what_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        codec_of(Image()).from_raw(Upload(content, "image/png"))


def test_no_address_is_fetched() -> None:
    """A text is never an address, nor a path on this machine."""
    for text in ("http://localhost/x.png", "/etc/hosts", "file:///etc/hosts"):
        with pytest.raises(InvalidInput, match="addresses are not fetched"):
            codec_of(Image()).from_json(f'"{text}"'.encode())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pilmode": "rgb"}, "`pilmode` must be one of 1, CMYK"),
        ({"mime_type": "text/plain"}, "`mime_type` must be of images"),
        ({"allowed_mime_types": ["png"]}, "`allowed_mime_types` must be of images, such as 'image/png': 'png'"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        Image(**options)


def test_a_type_that_cannot_be_written() -> None:
    with pytest.raises(InvalidArgument, match="must be a type that Pillow can write: 'image/svg\\+xml'"):
        Image(mime_type="image/svg+xml").answer_hint()


def test_from_a_sample(tmp_path: Path) -> None:
    """A sample gives the mode: an image, an array, or the path of one."""
    (tmp_path / "a.png").write_bytes(file_of("PNG", "L"))
    for sample in (PIL.Image.new("L", (2, 2)), np.zeros((2, 2), "uint8"), tmp_path / "a.png", str(tmp_path / "a.png")):
        assert Image.from_sample(sample, mime_type="image/png").to_spec()["args"]["pilmode"] == "L"
    for wrong in (5, str(tmp_path / "missing.png")):
        with pytest.raises(InvalidArgument, match="a sample of `Image` must be"):
            Image.from_sample(wrong)


def test_documents_and_data() -> None:
    """An image is a file in the documents; the descriptor is written as data, and made again."""
    descriptor = Image(pilmode="L", mime_type="image/png", allowed_mime_types=("image/png", "image/jpeg"))
    assert from_spec(descriptor.to_spec()).to_spec() == descriptor.to_spec()
    body = descriptor.openapi_request_body()["content"]
    assert {"image/*", "multipart/form-data"} <= set(body)
    assert list(descriptor.openapi_responses()["content"]) == ["image/png"]
    assert (descriptor.mime_type, descriptor.input_type()) == ("image/png", PIL.Image.Image)
