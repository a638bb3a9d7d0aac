"""`File` gives what was sent as something to read, and sends bytes, files and paths."""

import io
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pytest
from bentoml.exceptions import InvalidArgument
from bentoml.io import File, from_spec

from compat.bentoml.tests.io.codecs import codec_of
from ekiben.core.errors import InvalidInput
from ekiben.schema.content import OCTETS, Upload


@pytest.mark.parametrize("media", ["application/pdf", "text/plain", "application/json", "", OCTETS])
def test_any_file(media: str) -> None:
    """Without a type, every body is the file; it reads and seeks as any, and has its name."""
    (file,), _ = codec_of(File()).from_raw(Upload(b"\x00abc", media, "folder/../a.bin"))
    assert (file.read(2), file.seek(0), file.read()) == (b"\x00a", 0, b"\x00abc")
    assert file.name == "a.bin"
    assert isinstance(file, io.BytesIO)


def test_in_a_form() -> None:
    """A file may be the only part of a form."""
    (file,), _ = codec_of(File()).from_fields([("any", Upload(b"abc", "x/y", "a.txt"))])
    assert (file.read(), file.name) == (b"abc", "a.txt")


def test_a_file_on_the_disk(tmp_path: Path) -> None:
    """A large part, which lies on the disk, is read like any other."""
    (tmp_path / "part").write_bytes(b"x" * 99)
    (file,), _ = codec_of(File()).from_raw(Upload(tmp_path / "part", "x/y", "a.bin"))
    assert (len(file.getvalue()), file.name) == (99, "a.bin")


def test_text() -> None:
    """`textio` gives text, in the charset that the sender names."""
    codec = codec_of(File(kind="textio"))
    (file,), _ = codec.from_raw(Upload("día\n2".encode("latin-1"), "text/plain; charset=latin-1"))
    assert file.readlines() == ["día\n", "2"]
    assert codec.encode("día").body == "día".encode()
    with pytest.raises(InvalidInput, match="must be text in UTF-8"):
        codec.from_raw(Upload(b"\xff", "text/plain"))


def test_the_declared_type() -> None:
    """A declared type is the only one that is taken; what names none is judged by its name."""
    codec = codec_of(File(mime_type="audio/wav"))
    assert codec.raw_media == ("audio/wav",)
    assert codec.from_fields([("f", Upload(b"a", "audio/x-wav"))])
    assert codec.from_fields([("f", Upload(b"a", OCTETS, "a.wav"))])
    with pytest.raises(InvalidInput, match="must be of type audio/wav, not text/plain"):
        codec.from_fields([("f", Upload(b"a", "text/plain"))])


@pytest.mark.parametrize("text", ['"/etc/passwd"', '"http://localhost/"', "{}", "null"])
def test_no_path_is_opened(text: str) -> None:
    """What a client writes in JSON is never a path, nor an address."""
    with pytest.raises(InvalidInput, match="must be an uploaded file"):
        codec_of(File()).from_json(text.encode())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(lambda folder: b"abc", id="bytes"),
        pytest.param(lambda folder: bytearray(b"abc"), id="a bytearray"),
        pytest.param(lambda folder: io.BytesIO(b"abc"), id="an open file in memory"),
        pytest.param(lambda folder: (folder / "a.wav").open("rb"), id="an open file"),
        pytest.param(lambda folder: io.StringIO("abc"), id="one of text"),
    ],
)
def test_what_is_sent(value: Any, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"abc")
    assert codec_of(File(mime_type="audio/wav")).encode(value(tmp_path)) == (b"abc", "audio/wav", {})


def test_a_path_is_sent(tmp_path: Path) -> None:
    """A path is sent as the file that lies there, under its name."""
    answer = codec_of(File()).encode(tmp_path / "a.pdf")
    assert answer[:2] == (tmp_path / "a.pdf", "application/pdf")
    assert answer.headers == {"content-disposition": 'attachment; filename="a.pdf"'}


@pytest.mark.parametrize("value", ["/etc/passwd", 5], ids=["text", "a number"])
def test_answers_that_are_no_file(value: Any) -> None:
    """A text is no path: a function that hands through what its caller wrote opens nothing."""
    with pytest.raises(TypeError, match="the answer must be bytes"):
        codec_of(File()).encode(value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "bytes"}, "`kind` must be one of binaryio, textio"),
        ({"mime_type": "wav"}, "`mime_type` must be a media"),
    ],
)
def test_wrong_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        File(**options)


def test_samples_documents_and_data() -> None:
    """A sample is a file; the documents ask for one; the descriptor is written as data, and made again."""
    assert File.from_sample(b"abc", mime_type="x/y").sample == b"abc"
    with pytest.raises(InvalidArgument, match="a sample of `File` must be bytes"):
        File.from_sample(5)
    descriptor = File(kind="textio", mime_type="text/csv")
    assert from_spec(descriptor.to_spec()).to_spec() == descriptor.to_spec()
    assert (descriptor.input_type(), File().input_type()) == (TextIO, BinaryIO)
    assert {"text/csv", "multipart/form-data"} == set(descriptor.openapi_request_body()["content"])
    assert (descriptor.mime_type, File().mime_type) == ("text/csv", OCTETS)
