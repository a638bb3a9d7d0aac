"""Images are known by their content, arrive decoded, and a bad one is the caller's error."""

import base64
import io
import struct
import zlib
from typing import Annotated, Any

import pytest
from PIL import Image

from ekiben.core.errors import ConfigError
from ekiben.schema.annotations import ContentType
from ekiben.schema.content import Upload
from ekiben.schema.values import image as kind


def picture(mode: str, form: str, size: tuple[int, int] = (32, 24)) -> bytes:
    """Draw a small gradient, so that no two modes look alike."""
    made = Image.linear_gradient("L").resize(size)
    out = io.BytesIO()
    (Image.new("I;16", size, 40_000) if mode == "I;16" else made.convert(mode)).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("RGB", "JPEG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "PNG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("LA", "PNG"),
        ("I;16", "PNG"),
        ("RGB", "WEBP"),
        ("P", "GIF"),
        ("RGB", "BMP"),
        ("RGB", "TIFF"),
    ],
)
@pytest.mark.parametrize("told", ["image/jpeg", "image/png", "application/octet-stream", "text/plain"])
def test_decode_by_content(mode: str, form: str, told: str) -> None:
    """Whatever the sender says of it, an image is read by what it is, and keeps its mode."""
    leaf = kind.plan(Image.Image, (ContentType("image/jpeg"),))
    found = leaf.decode(Upload(picture(mode, form), told, "x.jpg"))
    assert (found.mode, found.size, found.format) == (mode, (32, 24), form)
    found.getpixel((31, 23))


def test_base64_within_json() -> None:
    """An image within JSON is base64 text, both ways."""
    leaf = kind.plan(Image.Image, ())
    text = leaf.to_json(Image.new("RGB", (3, 2), "red"))
    assert leaf.decode(text).getpixel((2, 1)) == (255, 0, 0)


def bomb() -> bytes:
    """Write a PNG of 60000 x 60000 pixels in under 200 bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(touched) print\n%%EOF\n"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(Upload(b""), "not an image", id="an empty upload"),
        pytest.param(
            Upload(b"hello, I am text", "image/png", "a.png"), "not an image", id="text that claims to be PNG"
        ),
        pytest.param(Upload(picture("RGB", "JPEG")[:400]), "damaged image", id="a JPEG cut short"),
        pytest.param(Upload(picture("RGB", "PNG", (200, 200))[:200]), "damaged image", id="a PNG cut short"),
        pytest.param(Upload(bomb()), "too many pixels", id="a decompression bomb"),
        pytest.param(Upload(POSTSCRIPT), "not an image", id="PostScript, which would run a program"),
        pytest.param("http://127.0.0.1/a.png", "not fetched", id="an address"),
        pytest.param("/etc/hostname", "not fetched", id="a path"),
        pytest.param(base64.b64encode(b"text").decode(), "not an image", id="base64 of something else"),
        pytest.param(None, "null", id="null"),
        pytest.param([1, 2], "a list", id="a list"),
    ],
)
def test_refuse(raw: Any, words: str) -> None:
    """What is no image that can be read is refused in words, before it takes memory."""
    with pytest.raises(ValueError, match=words):
        kind.plan(Image.Image, ()).decode(raw)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_of_pixels_is_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    """More pixels than `PIL.Image.MAX_IMAGE_PIXELS` are refused, and None lifts that."""
    leaf = kind.plan(Image.Image, ())
    large = Upload(picture("L", "PNG", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)
    with pytest.raises(ValueError, match="too many pixels"):
        leaf.decode(large)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert leaf.decode(large).size == (100, 100)


@pytest.mark.parametrize(
    ("note", "media"),
    [(None, "image/png"), ("image/*", "image/png"), ("image/jpeg", "image/jpeg"), ("image/webp", "image/webp")],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA", "I;16", "1"])
def test_encode(note: str | None, media: str, mode: str) -> None:
    """An answer has the declared format, PNG where none is declared, whatever the image's mode."""
    leaf = kind.plan(Image.Image, () if note is None else (ContentType(note),))
    made = Image.new("I;16", (5, 4)) if mode == "I;16" else Image.new("RGB", (5, 4)).convert(mode)
    encoded = leaf.encoders[leaf.output_media](made)
    assert isinstance(encoded.body, bytes)
    assert encoded.media_type == leaf.output_media == media
    assert Image.open(io.BytesIO(encoded.body)).get_format_mimetype() == media


def test_content_type_must_be_writable() -> None:
    """A content type that Pillow cannot write is refused at start."""
    with pytest.raises(ConfigError, match="application/pdf-of-dreams"):
        kind.plan(Image.Image, (ContentType("application/pdf-of-dreams"),))


def test_claims_the_class_only() -> None:
    """The class is claimed, and nothing else."""
    assert kind.claims(Image.Image)
    assert not kind.claims(Annotated[int, 1])
    assert not kind.claims(bytes)
