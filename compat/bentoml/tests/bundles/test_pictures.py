"""Pictures become arrays, by their content; names and types that a sender writes decide nothing."""

import io
from typing import Any

import numpy as np
import pytest
from bentoml.adapters import AnnotatedImageInput, ImageInput, MultiImageInput
from bentoml.bundles.pictures import PixelsLeaf
from PIL import Image

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.schema.content import Upload


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (3, 2)) -> bytes:
    """Make a picture."""
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("options", "content", "shape"),
    [
        pytest.param({}, picture(), (2, 3, 3), id="RGB by default"),
        pytest.param({}, picture(mode="RGBA"), (2, 3, 3), id="transparency is left out"),
        pytest.param({}, picture("TIFF", "L"), (2, 3, 3), id="grey becomes RGB"),
        pytest.param({"pilmode": "L"}, picture("JPEG"), (2, 3), id="grey is asked for"),
        pytest.param({"pilmode": None}, picture(mode="RGBA"), (2, 3, 4), id="as the file has it"),
        pytest.param(
            {"accept_image_formats": ["gif"]}, picture("GIF", "P"), (2, 3, 3), id="a format that is asked for"
        ),
        pytest.param({"accept_image_formats": [".JPG"]}, picture("JPEG"), (2, 3, 3), id="an ending in capitals"),
    ],
)
def test_pixels(options: dict[str, Any], content: bytes, shape: tuple[int, ...]) -> None:
    """A picture is an array of (height, width, channels) in the mode that is asked for."""
    found = ImageInput(**options).leaf().decode(Upload(content, "image/png", "liar.exe"))
    assert (found.shape, found.dtype) == (shape, np.uint8)


@pytest.mark.parametrize(
    ("options", "raw", "words"),
    [
        pytest.param({}, Upload(picture("GIF", "P")), "must be a picture of .jpg, .png", id="a format not accepted"),
        pytest.param(
            {"accept_image_formats": [".png"]},
            Upload(picture("JPEG"), "image/png", "a.png"),
            "must be a picture of .png: JPEG",
            id="a name that lies",
        ),
        pytest.param({}, Upload(b"<svg onload='x'/>", "image/png"), "not an image that can be read", id="no picture"),
        pytest.param({}, Upload(picture()[:40], "image/png"), "image", id="half a picture"),
        pytest.param({}, Upload(b"%!PS-Adobe-3.0 EPSF-3.0\n"), "not an image that can be read", id="PostScript"),
        pytest.param({}, [Upload(b""), Upload(b"")], "must be one file", id="two files"),
        pytest.param({}, {"a": 1}, "must be a file", id="an object"),
        pytest.param({}, "/etc/passwd", "not an image that can be read", id="a path is text"),
    ],
)
def test_what_is_no_picture(options: dict[str, Any], raw: Any, words: str) -> None:
    """What is no picture of an accepted format is refused; no path or address is opened."""
    with pytest.raises(ValueError, match=words):
        ImageInput(**options).leaf().decode(raw)


def test_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of more pixels than Pillow's limit is refused."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="too many pixels"):
        ImageInput().leaf().decode(Upload(picture(size=(11, 11))))


def test_an_array_stays() -> None:
    """What is an array already needs no reading."""
    array = np.zeros((2, 2, 3), np.uint8)
    assert PixelsLeaf().decode(array) is array


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (ImageInput, {"accept_image_formats": ".png"}, "must be a list of endings: '.png'"),
        (ImageInput, {"accept_image_formats": []}, "must be a list of endings"),
        (ImageInput, {"accept_image_formats": ["."]}, "must be a list of endings"),
        (ImageInput, {"pilmode": "RGBX9"}, "`pilmode` must be one of 1, L, P, RGB"),
        (MultiImageInput, {"input_names": "left"}, "`input_names` must be a list of different names: 'left'"),
        (MultiImageInput, {"input_names": ["a", "a"]}, "a list of different names"),
        (MultiImageInput, {"input_names": []}, "a list of different names"),
        (AnnotatedImageInput, {"image_input_name": "x", "annotation_input_name": "x"}, "a list of different names"),
    ],
)
def test_wrong_options(make: Any, options: dict[str, Any], words: str) -> None:
    """An option that cannot be is refused by its name."""
    with pytest.raises(ConfigError, match=words):
        make(**options)


def test_they_say_what_they_are() -> None:
    """Each input tells its options and its package; a form tells its parts."""
    for adapter in (ImageInput(), MultiImageInput(), AnnotatedImageInput()):
        assert adapter.pip_dependencies == ["pillow"]
        assert adapter.config["pilmode"] == "RGB"
    assert list(ImageInput().request_schema) == ["*/*", "multipart/form-data"]
    schema = MultiImageInput(["left", "right"]).request_schema["multipart/form-data"]["schema"]
    assert schema["required"] == ["left", "right"]
    parts = AnnotatedImageInput("photo", "notes").parts()
    assert [(name, part.required) for name, part in parts.items()] == [("photo", True), ("notes", False)]


def test_arguments_of_several() -> None:
    """The function gets a list for each part, in the order of the names."""
    adapter = MultiImageInput(["left", "right"])
    assert adapter.arguments([{"right": 2, "left": 1}, {"left": 3, "right": 4}]) == ([1, 3], [2, 4])
    assert AnnotatedImageInput().arguments([{"image_file": 1}]) == ([1], [None])


def test_a_form_is_read_by_its_names() -> None:
    """A form of parts is read as a request's body is, in any order."""
    body = b"".join(
        b'--x\r\ncontent-disposition: form-data; name="%b"; filename="a"\r\n\r\n%b\r\n' % (name, picture())
        for name in (b"right", b"left")
    )
    adapter = MultiImageInput(["left", "right"])
    found = adapter.read(body + b"--x--\r\n", "multipart/form-data; boundary=x", Context())
    assert {name: array.shape for name, array in found.items()} == {"left": (2, 3, 3), "right": (2, 3, 3)}
