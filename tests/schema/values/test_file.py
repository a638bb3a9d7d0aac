"""Files come as uploads only, are named by us, and go out as what they are."""

import io
from pathlib import Path, PosixPath, PurePath
from typing import IO, Any, BinaryIO

import pytest

from ekiben.core.context import Context
from ekiben.schema.content import OCTETS, Upload
from ekiben.schema.values import file
from ekiben.validators import ContentType


def leaf(hint: Any, note: str | None = None) -> file.FileLeaf:
    """Plan a file."""
    return file.plan(hint, () if note is None else (ContentType(note),))


@pytest.mark.parametrize("hint", [Path, PosixPath, PurePath, bytes, bytearray, BinaryIO, IO[bytes], IO, io.BytesIO])
def test_claims(hint: Any) -> None:
    """Paths, bytes and binary files are claimed."""
    assert file.claims(hint)


@pytest.mark.parametrize("hint", [str, IO[str], io.StringIO, memoryview, list, None, Any, list[bytes]])
def test_claims_nothing_else(hint: Any) -> None:
    """Text, and whatever holds files, is not."""
    assert not file.claims(hint)


@pytest.mark.parametrize("text", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1/", "data:,x", "", "a.txt"])
@pytest.mark.parametrize("hint", [Path, BinaryIO])
def test_a_string_is_never_a_file(hint: Any, text: str) -> None:
    """A string that a client sends for a file is refused, whatever it looks like."""
    with pytest.raises(ValueError, match="must be an uploaded file"):
        leaf(hint).decode(text)


def test_bytes_within_json_are_base64() -> None:
    """Bytes are base64 text within JSON, and nothing else is."""
    assert leaf(bytes).decode("AP8=") == b"\x00\xff"
    assert leaf(bytes).to_json(b"\x00\xff") == "AP8="
    for wrong in ("AP8", "/etc/passwd", "é", 3, None, ["AP8="]):
        with pytest.raises(ValueError, match="base64"):
            leaf(bytes).decode(wrong)


@pytest.mark.parametrize(
    ("name", "kept", "suffix"),
    [
        ("a.txt", "a.txt", ".txt"),
        ("../../etc/cron.d/evil.sh", "evil.sh", ".sh"),
        ("C:\\Users\\me\\cat.jpg", "cat.jpg", ".jpg"),
        ("/etc/passwd", "passwd", ""),
        ("..", "..", ""),
        ("a\0.png", "a.png", ".png"),
        ("x.tar.gz; rm -rf", "x.tar.gz; rm -rf", ""),
        ("x." + "y" * 99, "x." + "y" * 99, ""),
        ("aGVsbG8=", "aGVsbG8=", ""),
    ],
)
def test_names_of_senders(name: str, kept: str, suffix: str) -> None:
    """Only the base name of a sender's is kept, and the file on disk has a name of ours."""
    call = Context()
    upload = Upload(b"abc", filename=name, scope=call)
    path = leaf(Path).decode(upload)
    assert upload.filename == kept
    assert path.parent == call.temp_path
    assert path.name.startswith("upload-")
    assert path.suffix == suffix
    assert path.read_bytes() == b"abc"
    call.close()
    assert not path.exists()


def test_a_spooled_upload_is_used_in_place(tmp_path: Path) -> None:
    """A file that is on disk already is not copied, and what was opened is closed with the call."""
    spooled = tmp_path / "part"
    spooled.write_bytes(b"abc")
    call = Context()
    upload = Upload(spooled, scope=call)
    assert leaf(Path).decode(upload) == spooled
    opened = leaf(BinaryIO).decode(upload)
    assert (opened.read(), upload.read(), upload.size) == (b"abc", b"abc", 3)
    call.close()
    assert opened.closed


def test_a_file_needs_its_call() -> None:
    """An upload in memory becomes no file that nobody would remove."""
    with pytest.raises(RuntimeError, match="within a call"):
        leaf(Path).decode(Upload(b"abc"))


@pytest.mark.parametrize(
    ("note", "media", "name", "is_taken"),
    [
        ("audio/*", "audio/wav", "", True),
        ("audio/mpeg", "audio/mp3", "", True),
        ("image/jpeg", "image/jpg", "", True),
        ("audio/*", "AUDIO/WAV; rate=8000", "", True),
        ("audio/*", OCTETS, "a.wav", True),
        ("audio/*", OCTETS, "unknown", True),
        ("audio/*", "image/png", "a.wav", False),
        ("audio/*", OCTETS, "a.png", False),
        ("audio/wav", "audio/ogg", "", False),
        (None, "image/png", "a.wav", True),
    ],
)
def test_content_type(note: str | None, media: str, name: str, is_taken: bool) -> None:
    """A declared type holds for what the sender says, or else for the file's name."""
    upload = Upload(b"abc", media, name)
    if is_taken:
        assert leaf(bytes, note).decode(upload) == b"abc"
    else:
        with pytest.raises(ValueError, match="must be of type audio/"):
            leaf(bytes, note).decode(upload)


def send(hint: Any, value: Any, note: str | None = None) -> Any:
    """Write an answer."""
    planned = leaf(hint, note)
    return planned.encoders[planned.output_media](value)


def test_answers(tmp_path: Path) -> None:
    """Bytes, open files and paths are bodies; a path is shown or saved by what it is."""
    assert send(bytes, b"a").body == b"a"
    assert send(bytes, memoryview(b"a"), "image/png").media_type == "image/png"
    opened = io.BytesIO(b"abc")
    opened.seek(2)
    assert send(BinaryIO, opened).body == b"abc"
    picture = send(Path, tmp_path / "pic ture.png")
    assert picture.body == tmp_path / "pic ture.png"
    assert picture.media_type == "image/png"
    assert picture.headers == {"content-disposition": 'inline; filename="pic ture.png"'}
    odd = send(Path, tmp_path / 'é"\\.txt', "application/pdf")
    assert odd.media_type == "application/pdf"
    assert odd.headers == {"content-disposition": "attachment; filename=\"?__.txt\"; filename*=UTF-8''%C3%A9%22%5C.txt"}


@pytest.mark.parametrize("value", ["/etc/passwd", 3, None, io.StringIO])
@pytest.mark.parametrize("hint", [Path, bytes])
def test_a_string_is_never_sent_as_a_file(hint: Any, value: Any) -> None:
    """A string that a method returns for a file is its mistake, not a path: it may be a client's."""
    with pytest.raises(TypeError, match="the answer must be"):
        send(hint, value("a") if value is io.StringIO else value)


def test_a_file_within_json_is_base64(tmp_path: Path) -> None:
    """A file within an answer is its content."""
    (tmp_path / "a").write_bytes(b"\xff")
    assert leaf(Path).to_json(tmp_path / "a") == leaf(BinaryIO).to_json(io.BytesIO(b"\xff")) == "/w=="
