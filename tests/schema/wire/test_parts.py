"""A form that is written here is one that is read here, and everywhere else."""

import email.policy
from email.parser import BytesParser
from pathlib import Path

import pytest

from ekiben.core.context import Context
from ekiben.core.spec import Limits
from ekiben.http.form import read_whole
from ekiben.schema.content import Encoded, Upload
from ekiben.schema.wire.multipart import write

PARTS = {
    "numbers": Encoded(b"[1, 2]", "application/json"),
    "picture": Encoded(b"\x89PNG\r\n--\r\n\x00", "image/png"),
    "say": Encoded("día".encode(), "text/plain; charset=utf-8"),
}


def test_we_read_what_we_write() -> None:
    """Each part comes back with its bytes and its type."""
    form = write(PARTS)
    fields = dict(read_whole(form.body, form.media_type.encode(), Limits(), Context()))
    assert fields["numbers"] == "[1, 2]"
    assert fields["say"] == "día"
    assert fields["picture"] == Upload(PARTS["picture"].body, "image/png")


def test_others_read_what_we_write(tmp_path: Path) -> None:
    """Python's own reader of MIME finds the parts, and the file's name."""
    (tmp_path / "a.bin").write_bytes(b"\0\1")
    attached = {"content-disposition": 'attachment; filename="a.bin"'}
    form = write({**PARTS, "file": Encoded(tmp_path / "a.bin", "application/octet-stream", attached)})
    head = f"Content-Type: {form.media_type}\r\n\r\n".encode()
    found = BytesParser(policy=email.policy.HTTP).parsebytes(head + form.body)
    parts = {part.get_param("name", header="content-disposition"): part for part in found.iter_parts()}
    assert list(parts) == [*PARTS, "file"]
    assert parts["file"].get_filename() == "a.bin"
    assert parts["file"].get_payload(decode=True) == b"\0\1"
    assert parts["numbers"].get_content_type() == "application/json"


def test_no_part_breaks_out() -> None:
    """A name or a type with a line break would write headers, so it is refused; a quote is escaped."""
    for parts in ({"a\r\nX-Evil: 1": PARTS["say"]}, {"a": Encoded(b"", "text/plain\r\nX-Evil: 1")}):
        with pytest.raises(ValueError, match="of one line each"):
            write(parts)
    assert b'name="a%22; filename=%22b"' in write({'a"; filename="b': PARTS["say"]}).body


def test_each_form_has_its_own_boundary() -> None:
    """Nobody who knows one answer can write the boundary of the next into a value."""
    assert write(PARTS).media_type != write(PARTS).media_type
