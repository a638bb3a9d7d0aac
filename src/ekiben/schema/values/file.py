"""Files: a `Path`, `bytes` or an open file; never made from a client's string.

In: `pathlib.Path`, `bytes`, `bytearray`, `BinaryIO`, `IO[bytes]`, `io.BytesIO`, with `ContentType` in `Annotated`; or
`Upload`, the content with what its sender said of it. Out: a `Leaf`. A string that a client sends is neither a path nor
an address: where a file is asked it is refused, where bytes are asked it is base64 (RFC 4648), as JSON knows no bytes.
"""

import base64
import binascii
import io
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any, BinaryIO, get_origin
from urllib.parse import quote

from ekiben.core.spec import JsonSchema
from ekiben.schema.annotations import ContentType
from ekiben.schema.content import OCTETS, Encoded, Upload, essence, matches
from ekiben.schema.values.base import Encoder, ListBatches
from ekiben.schema.words import named

NOTES = (ContentType,)
OPEN = (BinaryIO, io.BytesIO, io.BufferedIOBase, io.RawIOBase, io.IOBase, io.BufferedReader)


def claims(hint: Any) -> bool:
    """Say whether *hint* is a path, bytes or an open binary file."""
    if hint in (bytes, bytearray, Upload) or hint in OPEN:
        return True
    if get_origin(hint) is IO or hint is IO:
        return hint is IO or hint == IO[bytes]
    return isinstance(hint, type) and issubclass(hint, PurePath)


def plan(hint: Any, notes: tuple[Any, ...]) -> "FileLeaf":
    """Settle what form the file takes and which types it may have."""
    note = next((note.content_type for note in notes if isinstance(note, ContentType)), None)
    if hint in (bytes, bytearray):
        return FileLeaf("bytes", hint, note)
    if hint is Upload:
        return FileLeaf("file", Upload, note)
    return FileLeaf("file", Path if isinstance(hint, type) and issubclass(hint, PurePath) else io.IOBase, note)


@dataclass(frozen=True, slots=True)
class FileLeaf(ListBatches):
    """One file hint, settled.

    `target` is `Path`, `bytes`, `bytearray`, `io.IOBase` or `Upload`.
    """

    kind: str
    target: Any
    note: str | None = None

    @property
    def media_types(self) -> tuple[str, ...]:
        """The declared type, or any."""
        return (self.note,) if self.note else ("*/*",)

    def schema(self) -> JsonSchema:
        """Describe an upload; bytes have a form in JSON too, as base64."""
        form = {"contentEncoding": "base64"} if self.kind == "bytes" else {"format": "binary"}
        return {"type": "string", **form, "contentMediaType": self.note or OCTETS}

    def decode(self, raw: Any) -> Any:
        """Give the upload in the asked form; raises ValueError."""
        if isinstance(raw, Upload):
            self.check(raw)
            return self.give(raw)
        if self.kind == "bytes":
            return self.target(raw if isinstance(raw, bytes | bytearray) else from_base64(raw))
        if not isinstance(raw, str) and isinstance(raw, PurePath if self.target is Path else io.IOBase):
            return raw
        raise ValueError(
            f"must be an uploaded file (a file part of multipart/form-data, or the raw body), not {named(raw)}"
        )

    def check(self, upload: Upload) -> None:
        """Hold an upload to the declared type, as far as the sender told one."""
        if self.note is None:
            return
        told = essence(upload.media_type)
        if told in ("", OCTETS):
            told = mimetypes.guess_type(upload.filename)[0] or ""
        if told and not matches(told, self.note):
            raise ValueError(f"must be of type {self.note}, not {told}")

    def give(self, upload: Upload) -> Any:
        """Turn an upload into what the method asked for."""
        if self.target is Upload:
            return upload
        if self.target is Path:
            return upload.to_path()
        if self.kind == "bytes":
            return self.target(upload.read())
        return upload.open()

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """Send the content."""
        return {self.output_media: self.send}

    def send(self, value: Any) -> Encoded:
        """Send bytes, a file's content, or the file at a path as it is."""
        if isinstance(value, bytes | bytearray | memoryview):
            return Encoded(bytes(value), self.output_media)
        if isinstance(value, PurePath):
            return self.attach(Path(value))
        return Encoded(content_of(value), self.output_media)

    @property
    def output_media(self) -> str:
        """The type that an answer has where its name tells none."""
        return self.note if self.note and "*" not in self.note else OCTETS

    def attach(self, path: Path) -> Encoded:
        """Send the file at *path*: an image is shown, others saved by name (RFC 6266)."""
        media = self.output_media
        if media == OCTETS:
            media = mimetypes.guess_type(path.name)[0] or OCTETS
        how = "inline" if media.startswith("image/") else "attachment"
        plain = path.name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
        named_as = f'{how}; filename="{plain}"'
        if plain != path.name:
            named_as += f"; filename*=UTF-8''{quote(path.name, safe='')}"
        return Encoded(path, media, {"content-disposition": named_as})

    def to_json(self, value: Any) -> Any:
        """Give base64 text."""
        if isinstance(value, PurePath):
            value = Path(value).read_bytes()
        elif not isinstance(value, bytes | bytearray | memoryview):
            value = content_of(value)
        return base64.b64encode(value).decode()


def content_of(file: Any) -> bytes:
    """Read an open file from its beginning, and close it.

    Raises:
        TypeError: it is no file, or one of text.
    """
    if not hasattr(file, "read"):
        raise TypeError(f"the answer must be bytes, a path or an open binary file, not {type(file).__name__}")
    with file:
        if file.seekable():
            file.seek(0)
        content = file.read()
    if not isinstance(content, bytes | bytearray):
        raise TypeError("the answer must be a file opened in binary mode, not in text mode")
    return bytes(content)


def from_base64(raw: Any) -> bytes:
    """Read base64 text; raises ValueError."""
    if not isinstance(raw, str):
        raise ValueError(f"must be an upload, or base64 text: {named(raw)}")
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"must be an upload, or base64 text: {named(raw)}") from error
