"""Files: what was sent, as something that can be read.

In: a body, or a part of a form. Out: an open file with its name, in bytes or in text; and the content of a file, of
bytes or of a path.
"""

import io
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO, TextIO

from bentoml.exceptions import InvalidArgument
from bentoml.io.base import IODescriptor
from bentoml.io.notes import hint_of
from ekiben.schema.content import Encoded, Upload
from ekiben.schema.values.file import FileLeaf
from ekiben.schema.wire.text import decode

KINDS = {"binaryio": BinaryIO, "textio": TextIO}


class SentFile(io.BytesIO):
    """The content of a file, with the name that its sender gave it, which is no place here."""

    def __init__(self, content: bytes | bytearray, name: str = "") -> None:
        super().__init__(content)
        self.name = name


class SentText(io.StringIO):
    """The same, as text."""

    def __init__(self, content: str, name: str = "") -> None:
        super().__init__(content)
        self.name = name


@dataclass(frozen=True, slots=True)
class SentLeaf(FileLeaf):
    """Files of one descriptor."""

    is_text: bool = False

    def give(self, upload: Upload) -> Any:
        """Open the upload; raises ValueError where it is no text and must be."""
        if self.is_text:
            return SentText(decode(upload.read(), upload.media_type), upload.filename)
        return SentFile(upload.read(), upload.filename)

    def send(self, value: Any) -> Encoded:
        """Send bytes, text, what an open file holds, or the file at a path."""
        if isinstance(value, io.TextIOBase):
            with value:
                return Encoded(value.read().encode(), self.output_media)
        if isinstance(value, str):
            if not self.is_text:
                raise TypeError("the answer must be bytes, an open file or a `pathlib.Path`, not text")
            return Encoded(value.encode(), self.output_media)
        return FileLeaf.send(self, value)


class File(IODescriptor[Any], descriptor_id="bentoml.io.File"):
    """Describes a file.

    Args:
        kind: `binaryio` gives the function bytes, `textio` text.
        mime_type: of inputs, where others are refused, and of answers; None for any.

    Raises:
        InvalidArgument: the kind is none of these, or the type none.
    """

    def __init__(self, kind: str = "binaryio", mime_type: str | None = None) -> None:
        if kind not in KINDS:
            raise InvalidArgument(f"`kind` must be one of {', '.join(KINDS)}: {kind!r}")
        if mime_type is not None and "/" not in mime_type:
            raise InvalidArgument(f"`mime_type` must be a media type, such as 'audio/wav': {mime_type!r}")
        self._kind = kind
        self._mime_type = mime_type

    def _leaf(self) -> SentLeaf:
        return SentLeaf("file", io.IOBase, self._mime_type, is_text=self._kind == "textio")

    def _input_hint(self) -> Any:
        return hint_of(self._leaf())

    def _output_hint(self) -> Any:
        return hint_of(self._leaf())

    def input_type(self) -> Any:
        """Give `BinaryIO` or `TextIO`."""
        return KINDS[self._kind]

    def _from_sample(self, sample: Any) -> Any:
        if not isinstance(sample, str | bytes | bytearray | PurePath | io.IOBase):
            raise InvalidArgument(f"a sample of `File` must be bytes, an open file or a path: {type(sample).__name__}")
        return sample

    def _spec_args(self) -> dict[str, Any]:
        return {"kind": self._kind, "mime_type": self._mime_type}
