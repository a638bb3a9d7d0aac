"""Unpack a compressed body, never more of it than is allowed.

In: chunks as they arrive. Out: chunks unpacked; a bomb is refused as soon as it is over the limit.
Source: RFC 9110, 8.4.1 (content codings); RFC 1952 (gzip, which may have several members); RFC 1950 (zlib).
"""

import zlib
from collections.abc import Iterator

from ekiben.core.errors import BodyTooLarge, InvalidInput, UnsupportedMediaType

WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}
STEP = 1024 * 1024  # bytes that are unpacked at once


class Inflater:
    """Unpacks one body.

    Args:
        coding: the request's `content-encoding`.
        limit: bytes that it may become.

    Raises:
        UnsupportedMediaType: we do not read this coding.
    """

    def __init__(self, coding: str, limit: int) -> None:
        if coding not in WINDOW:
            raise UnsupportedMediaType(
                f"the content encoding must be one of gzip, deflate, identity: {coding}", hint="send gzip, or none"
            )
        self._coding = coding
        self._limit = limit
        self._size = 0
        self._stream = zlib.decompressobj(WINDOW[coding])
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Unpack *chunk*.

        Raises:
            BodyTooLarge: the unpacked body is over the limit.
            InvalidInput: the bytes are damaged.
        """
        while chunk:
            if self._stream.eof:  # another gzip member
                if self._coding == "deflate":
                    raise InvalidInput("the body goes on after its compressed data")
                self._stream = zlib.decompressobj(WINDOW[self._coding])
            self._begun = True
            try:
                piece = self._stream.decompress(chunk, STEP)
            except zlib.error as error:
                raise InvalidInput(f"the body is not {self._coding} as its content encoding says") from error
            self._size += len(piece)
            if self._size > self._limit:
                raise BodyTooLarge(f"the body unpacks to more than {self._limit} bytes")
            if piece:
                yield piece
            chunk = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def finish(self) -> None:
        """Say that the body ends here; raises InvalidInput where the data does not."""
        if self._begun and not self._stream.eof:
            raise InvalidInput("the compressed body is cut short")
