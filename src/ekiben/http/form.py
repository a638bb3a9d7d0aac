"""Read form fields and uploads as they arrive, within limits.

In: chunks of a multipart body, or a whole urlencoded one. Out: (name, text or `Upload`) in their order.
An upload above a threshold goes to a file in the call's own folder, which ends with the call; a file name that a
client sends names nothing.
Source: RFC 7578 (multipart/form-data), the URL standard (urlencoded).
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ekiben.core.context import Context
from ekiben.core.errors import BodyTooLarge, InvalidInput, UnsupportedMediaType
from ekiben.core.spec import Limits
from ekiben.http import plain_form
from ekiben.http.plain_form import Fields, is_file, is_pickle
from ekiben.schema.content import OCTETS, Upload
from ekiben.schema.wire import text as wire_text

SPOOL = 1024 * 1024  # bytes of an upload that stay in memory
HEAD = 8 * 1024  # bytes of one header line of a part
HEADS = 8  # header lines of a part


class FormReader:
    """Gathers the parts of one multipart body."""

    def __init__(self, boundary: bytes, limits: Limits, scope: Context) -> None:
        self.fields: Fields = []
        self._limits = limits
        self._scope = scope
        self._ended = False
        self._reset()
        self._name = self._value = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_end": self._done,
            },
            max_header_count=HEADS,
            max_header_size=HEAD,
        )

    def feed(self, chunk: bytes) -> None:
        """Read on; raises InvalidInput for no form, BodyTooLarge for too many parts."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidInput(f"the form cannot be read: {error}") from error

    def finish(self) -> Fields:
        """Give the fields; raises InvalidInput where the form is cut short."""
        if not self._ended:
            raise InvalidInput("the form ends before its last boundary")
        return self.fields

    def close(self) -> None:
        """Close the file of a part that was cut short."""
        if self._file is not None:
            self._file.close()

    def _reset(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._content = bytearray()
        self._file: BinaryIO | None = None
        self._path: Path | None = None

    def _begin(self) -> None:
        if len(self.fields) >= self._limits.max_parts:
            raise BodyTooLarge(f"the form has more than {self._limits.max_parts} parts")
        self._reset()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._content += memoryview(data)[start:end]
        if len(self._content) > SPOOL:
            self._spool()

    def _spool(self) -> None:
        if self._file is None:
            self._path = self._scope.temp_path / f"part-{len(self.fields)}"
            self._file = self._path.open("xb")
        self._file.write(self._content)
        self._content.clear()

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise InvalidInput("a part of the form has no name")
        name = text(options[b"name"], "a part's name")
        media = self._headers.get(b"content-type", b"").decode("latin-1")
        if is_pickle(media.lower()):
            raise UnsupportedMediaType(f"`{name}` must not be a pickle: {media}", hint="send data, not code")
        if is_file(options.get(b"filename"), media):
            filename = text(options.get(b"filename", b""), f"the file name of `{name}`")
            self.fields.append((name, Upload(self._take(), media or OCTETS, filename, self._scope)))
        else:
            content = self._take()
            whole = content.read_bytes() if isinstance(content, Path) else content
            self.fields.append((name, text(whole, f"`{name}`", media)))

    def _take(self) -> bytes | Path:
        if self._file is None:
            return bytes(self._content)
        self._spool()
        self._file.close()
        self._file = None
        assert self._path is not None  # set with the file
        return self._path

    def _done(self) -> None:
        self._ended = True


async def read_multipart(chunks: AsyncIterator[bytes], content_type: bytes, limits: Limits, scope: Context) -> Fields:
    """Read a multipart body as it arrives.

    Raises:
        InvalidInput: it is damaged, cut short, or its content type has no boundary.
        BodyTooLarge: it has too many parts.
        UnsupportedMediaType: a part is a pickle.
    """
    reader = reader_of(content_type, limits, scope)
    try:
        async for chunk in chunks:
            reader.feed(chunk)
        return reader.finish()
    finally:
        reader.close()


def read_whole(body: bytes, content_type: bytes, limits: Limits, scope: Context) -> Fields:
    """Read a multipart body that is there; raises what `read_multipart` does."""
    fields = plain_form.read(body, content_type, limits.max_parts, scope)
    if fields is not None:
        return fields
    reader = reader_of(content_type, limits, scope)
    try:
        reader.feed(body)
        return reader.finish()
    finally:
        reader.close()


def reader_of(content_type: bytes, limits: Limits, scope: Context) -> FormReader:
    """Begin to read a multipart body; raises InvalidInput where it has no boundary."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidInput("the content type of a form must have a boundary: multipart/form-data")
    try:
        return FormReader(boundary, limits, scope)
    except FormParserError as error:
        raise InvalidInput(f"the boundary of the form cannot be used: {error}") from error


def read_urlencoded(body: bytes, limits: Limits) -> Fields:
    """Read an urlencoded body.

    Raises:
        InvalidInput: it is not UTF-8, or looks like JSON.
        BodyTooLarge: it has too many fields.
    """
    if body[:1] in (b"{", b"["):
        raise InvalidInput("the body must be a form, as its content type says: it looks like JSON", hint=JSON_HINT)
    if body.count(b"&") >= limits.max_parts:
        raise BodyTooLarge(f"the form has more than {limits.max_parts} fields")
    try:
        return [*parse_qsl(body.decode(), keep_blank_values=True, errors="strict")]
    except UnicodeDecodeError as error:
        raise InvalidInput("the form must be UTF-8") from error


JSON_HINT = "say so with the header `content-type: application/json`"


def text(content: bytes, what: str, media: str = "") -> str:
    """Read UTF-8, or the charset that *media* names.

    Raises:
        InvalidInput: it is none; *what* is named.
    """
    try:
        return wire_text.decode(content, media) if ";" in media else content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{what} must be UTF-8") from error
    except ValueError as error:
        raise InvalidInput(f"{what} {error}") from error
