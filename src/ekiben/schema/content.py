"""The two forms of content that every codec takes and gives.

In: bytes and what the sender said of them. Out: `Upload` (a part of a request) and `Encoded` (an answer's body).
Source: media types and their globs as in `Accept` (RFC 9110, 12.5.1).
"""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import BinaryIO, NamedTuple
from uuid import uuid4

from ekiben.core.context import Context

JSON = "application/json"
OCTETS = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"
FORM = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
UPLOADS = frozenset({"file", "image", "bytes"})  # kinds that travel as a file part of a form
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")

# Other names of the same type that clients and systems still use.
SAME = {
    "application/x-zip-compressed": "application/zip",
    "audio/mp3": "audio/mpeg",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/jpg": "image/jpeg",
    "text/x-csv": "text/csv",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes that came with a request: in memory, or in a file as long as the call.

    `filename` is what the sender said; only its base name is kept, and no file is ever named by it.
    `scope` is the call that it came with: files made of it are removed, and files opened are closed, when that ends.
    A `bytearray` as content belongs to whoever takes it (`take`); nobody writes to it before.
    """

    content: bytes | bytearray | Path
    media_type: str = OCTETS
    filename: str = ""
    scope: Context | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the base name only, whichever system's separators it has."""
        if "/" in self.filename or "\\" in self.filename or "\0" in self.filename:
            name = PurePosixPath(self.filename.replace("\\", "/").replace("\0", "")).name
            object.__setattr__(self, "filename", name)

    def read(self) -> bytes:
        """Give the whole content."""
        return self.content.read_bytes() if isinstance(self.content, Path) else bytes(self.content)

    def take(self) -> bytes | bytearray:
        """Give the whole content, as the caller's own memory where it can be had.

        That is a `bytearray`, in which an array can lie without another copy.
        """
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content

    def open(self) -> BinaryIO:
        """Give a readable, seekable file."""
        if not isinstance(self.content, Path):
            return io.BytesIO(self.content)
        file = self.content.open("rb")
        if self.scope is not None:
            self.scope.on_close(file.close)
        return file

    def to_path(self) -> Path:
        """Give the content as a file with a name of our own; it ends with the call.

        Raises:
            RuntimeError: the content is in memory and no call is known that would remove the file.
        """
        if isinstance(self.content, Path):
            return self.content
        if self.scope is None:
            raise RuntimeError("an upload becomes a file only within a call")
        path = self.scope.temp_path / f"upload-{uuid4().hex}{self.suffix}"
        path.write_bytes(self.content)
        return path

    @property
    def suffix(self) -> str:
        """The ending of the sender's file name, where it is a plain one; otherwise empty."""
        suffix = PurePosixPath(self.filename).suffix
        return suffix if SUFFIX.fullmatch(suffix) else ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


class Encoded(NamedTuple):
    """An answer's body: bytes, or a file that is sent as it is.

    A tuple is made in half the time of a frozen class.
    """

    body: bytes | Path
    media_type: str = JSON
    headers: Mapping[str, str] = MappingProxyType({})


def essence(media_type: str) -> str:
    """Give a media type without its parameters, in lower case, by its usual name."""
    plain = media_type.partition(";")[0].strip().lower()
    return SAME.get(plain, plain)


def matches(media_type: str, glob: str) -> bool:
    """Say whether *media_type* falls under *glob*, as `image/png` under `image/*`."""
    return fnmatchcase(essence(media_type), essence(glob))
