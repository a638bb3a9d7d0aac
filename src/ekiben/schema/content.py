"""The two forms of content that every codec takes and gives.

In: bytes and what the sender said of them. Out: `Upload` (a part of a request) and `Encoded` (an answer's body).
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

JSON = "application/json"
OCTETS = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Upload:
    """Bytes that came with a request: in memory, or spooled to a file that lives as long as the call."""

    content: bytes | Path
    media_type: str = OCTETS
    filename: str = ""

    def read(self) -> bytes:
        """Give the whole content."""
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content

    def open(self) -> BinaryIO:
        """Give a readable, seekable file."""
        return self.content.open("rb") if isinstance(self.content, Path) else io.BytesIO(self.content)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.content.stat().st_size if isinstance(self.content, Path) else len(self.content)


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer's body: bytes, or a file that is sent as it is."""

    body: bytes | Path
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
