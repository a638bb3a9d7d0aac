"""Turn answers into Python values, or into the errors that they stand for.

In: status, headers and content. Out: what the service's method returned: arrays as NumPy arrays, tables as frames,
images as PIL images, files as a `Path` in a folder that ends with the client; or an exception of ours with the
server's words. Nothing that a server sends names a file outside that folder, and nothing is unpickled.
"""

import io
import re
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from mimetypes import guess_extension
from pathlib import Path
from shutil import rmtree
from typing import Any, BinaryIO

from ekiben.client.base import Kind, Route, Schema, resolve
from ekiben.core import errors
from ekiben.core.errors import EkibenError, InvalidInput, MissingLibrary, Problem, ServerError
from ekiben.core.optional import need
from ekiben.schema.content import JSON, OCTETS, essence, matches
from ekiben.schema.wire import arrow as wire_arrow
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import raw as wire_raw

PLAIN_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:*?\"<>|.][^\x00-\x1f\x7f/\\:*?\"<>|]{0,99}")
LONGEST = 2000  # letters of an answer that is no problem document, shown in an error
RETRYING = (errors.TooManyRequests, errors.Unavailable)
BY_STATUS: Mapping[int, type[EkibenError]] = {
    kind.status: kind
    for kind in (
        errors.InvalidInput,
        errors.NotAuthenticated,
        errors.Forbidden,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.RequestTimeout,
        errors.AlreadyExists,
        errors.BodyTooLarge,
        errors.UnsupportedMediaType,
        errors.Unprocessable,
        errors.TooManyRequests,
        errors.HeadersTooLarge,
        errors.Unavailable,
        errors.DeadlineExceeded,
    )
}


class Downloads:
    """A folder for files from a server; made on first use, removed with its owner."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._remove: weakref.finalize[[Path, bool], Downloads] | None = None

    @contextmanager
    def new(self, filename: str, media: str) -> Iterator[tuple[Path, BinaryIO]]:
        """Open a new file, under the server's *filename* where that is a plain name."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="ekiben-client-"))
            self._remove = weakref.finalize(self, rmtree, self._folder, True)
        name = filename if PLAIN_NAME.fullmatch(filename) else "answer" + (guess_extension(essence(media)) or "")
        path = Path(tempfile.mkdtemp(dir=self._folder)) / name
        with path.open("xb") as file:
            yield path, file

    def close(self) -> None:
        """Remove the folder."""
        if self._remove is not None:
            self._remove()
        self._folder = self._remove = None


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers of an answer; names in lower case."""

    status: int
    headers: Mapping[str, str]

    @property
    def media(self) -> str:
        """The content type, without its parameters."""
        return essence(self.headers.get("content-type", ""))

    @property
    def filename(self) -> str:
        """The file name that the server suggests (RFC 6266); empty where it suggests none."""
        message = Message()
        message["content-disposition"] = self.headers.get("content-disposition", "")
        told = message.get_params(failobj=[], header="content-disposition")
        names = [value for key, value in told if key.lower() == "filename"]
        names.sort(key=lambda value: isinstance(value, str))  # `filename*`, which may hold any letter, comes first
        return collapse_rfc2231_value(names[0]) if names else ""


def accept(route: Route) -> str:
    """Say which forms of an answer are read, binary ones first."""
    kind = route.answer
    if kind.is_list or not kind.name:
        return "*/*"
    if kind.name in ("ndarray", "tensor"):
        return f"{wire_raw.NPY}, {JSON};q=0.9, */*;q=0.1"
    if kind.name == "dataframe" and has("pandas") and has("pyarrow"):
        return f"{wire_arrow.STREAM}, {JSON};q=0.9, */*;q=0.1"
    return "*/*"


def has(module: str) -> bool:
    """Say whether a library can be imported."""
    try:
        need(module, "an answer")
    except MissingLibrary:
        return False
    return True


def is_file(route: Route, head: Head) -> bool:
    """Say whether an answer is to be kept as a file."""
    if head.status >= 400:
        return False
    return (route.answer.name == "file" and not route.answer.is_list and head.media != JSON) or (
        not route.answer.name and bool(head.filename)
    )


def read(route: Route, head: Head, content: bytes) -> Any:
    """Turn a whole answer into a value.

    Raises:
        EkibenError: what the server said; `ServerError` where its answer cannot be read.
    """
    if head.status >= 400:
        raise error_of(head, content)
    try:
        return value_of(route, head.media, content)
    except ValueError as error:
        raise ServerError(f"the answer of `{route.name}` cannot be read: it {error}", answered=head.status) from error


def value_of(route: Route, media: str, content: bytes) -> Any:
    """Read an answer by its type, and shape it by the schema; raises ValueError."""
    kind = route.answer
    if media == JSON or media.endswith("+json"):
        return shape(wire_json.load(content) if content else None, route.output, route.definitions)
    if media == wire_raw.NPY:
        return wire_raw.read_npy(need("numpy", "an array answer"), content)
    if media in (wire_arrow.STREAM, wire_arrow.FILE):
        pyarrow = need("pyarrow", "a table as an answer", extra="pandas")
        return wire_arrow.read_ipc(pyarrow, content).to_pandas(ignore_metadata=True)
    if media == "text/csv" and kind.name == "dataframe":
        return need("pandas", "a table as an answer", extra="pandas").read_csv(io.BytesIO(content))
    if kind.name in ("ndarray", "tensor") and media == OCTETS and kind.dtype:
        return need("numpy", "an array answer").frombuffer(bytearray(content), dtype=kind.dtype)
    if (kind.name == "image" or not kind.name) and matches(media or OCTETS, "image/*"):
        return open_image(content)
    return content.decode() if media.startswith("text/") else content


def open_image(content: bytes) -> Any:
    """Load an image; raises ValueError for a damaged one."""
    pillow = need("PIL.Image", "an image as an answer", extra="image")
    try:
        image = pillow.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError, pillow.DecompressionBombError) as error:
        raise ValueError(f"is not an image that can be read: {error}") from error
    return image


def shape(value: Any, schema: Schema, definitions: Mapping[str, Schema]) -> Any:
    """Make arrays and tables again of those in JSON, where the schema knows of them."""
    kind = Kind.of(schema, definitions)
    found = resolve(schema, definitions)
    if value is None:
        return None
    if kind.is_list and isinstance(value, list):
        return [shape(item, found["items"], definitions) for item in value]
    if kind.name in ("ndarray", "tensor") and isinstance(value, list | int | float):
        return to_array(value, kind.dtype)
    if kind.name in ("dataframe", "series") and isinstance(value, list | dict) and has("pandas"):
        pandas = need("pandas", "a table as an answer", extra="pandas")
        return pandas.DataFrame(value) if kind.name == "dataframe" else pandas.Series(value)
    properties = found.get("properties")
    if isinstance(value, dict) and isinstance(properties, Mapping) and not kind.name:
        return {key: shape(item, properties.get(key, {}), definitions) for key, item in value.items()}
    return value


def to_array(value: Any, dtype: str) -> Any:
    """Make an array of nested lists, NaN of `null`; raises ValueError."""
    numpy = need("numpy", "an array answer")
    array = numpy.asarray(value, dtype=dtype or None)
    return array.astype(float) if array.dtype.hasobject else array


def error_of(head: Head, content: bytes) -> EkibenError:
    """Give the exception that an answer stands for."""
    try:
        told = wire_json.load(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {"error": told if isinstance(told, str) else content[:LONGEST].decode(errors="replace").strip()}
    text = str(told.get("detail") if isinstance(told.get("detail"), str) else told.get("error") or "")
    text = text or f"the server answered with status {head.status}"
    hint = str(told["hint"]) if told.get("hint") else None
    kind = BY_STATUS.get(head.status, InvalidInput if head.status < 500 else ServerError)
    if kind in RETRYING:
        return kind(text, retry_after=seconds(head.headers.get("retry-after", "")), hint=hint)
    if issubclass(kind, InvalidInput):
        return kind(text, problems=problems_of(told), hint=hint)
    return ServerError(text, answered=head.status, hint=hint) if kind is ServerError else kind(text, hint=hint)


def problems_of(told: Mapping[str, Any]) -> list[Problem]:
    """Read the wrong places from a problem document, or as BentoML lists them."""
    listed = told.get("errors") or told.get("detail")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return [
        Problem(
            str(one.get("path") or ".".join(str(step) for step in one.get("loc", ()))),
            str(one.get("message") or one.get("msg") or ""),
        )
        for one in found
    ]


def seconds(text: str) -> float | None:
    """Read `Retry-After` where it is a number."""
    return float(text) if text.isascii() and text.isdigit() else None
