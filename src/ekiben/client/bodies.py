"""Turn the arguments of a call into the body of a request.

In: a route and its bound arguments. Out: a `Body`: a whole content, or the fields and file parts of a form.
Arrays, frames and files go as they are where the endpoint reads them so: as the whole body where they are the only
argument, as parts of a form beside others. Everything else is JSON.
"""

import io
import mimetypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from ekiben.client.base import Kind, Parameter, Route
from ekiben.core.errors import InvalidInput, MissingLibrary
from ekiben.core.optional import loaded, need
from ekiben.schema import open as open_values
from ekiben.schema.content import FORM, JSON, OCTETS, URLENCODED, matches
from ekiben.schema.wire import arrow as wire_arrow
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import raw as wire_raw

ARRAYS = ("ndarray", "tensor")
FILES = ("file", "image", "bytes")
FORMS = (FORM, URLENCODED)
ANYTHING = (wire_raw.NPY, wire_arrow.STREAM, "*/*")  # what a part of a form may be
CHUNK = 256 * 1024  # bytes of a file that are sent at once

dump = wire_json.dumper("null", open_values.to_plain)


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes with their type: in memory, or a file that is read when it is sent."""

    content: bytes | BinaryIO
    media: str
    filename: str


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: *whole*, or the parts of a form."""

    whole: Blob | None = None
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    files: Sequence[tuple[str, Blob]] = ()


def write(route: Route, bound: Any, opened: ExitStack) -> Body:
    """Choose the form of a body and write it.

    Args:
        route: the endpoint.
        bound: what `base.bind` gave.
        opened: takes the files that are opened here; to be closed after the request was sent.

    Raises:
        InvalidInput: a file cannot be read, or a value has no form that can be sent.
    """
    if not route.reads:
        return Body()
    raw = tuple(media for media in route.reads if media not in (JSON, *FORMS))
    if route.is_root:
        blobs = plain_text(bound, route.reads) or binary(bound, route.root, raw, opened, "the body")
        return Body(blobs[0]) if len(blobs) == 1 else Body(as_json(bound))
    if len(bound) == 1:
        ((name, value),) = bound.items()
        alone = binary(value, route.parameters[name].kind, raw, opened, name)
        if len(alone) == 1 and not route.parameters[name].kind.is_list:
            return Body(alone[0])
    kinds = {name: route.parameters[name].kind for name in bound}
    found = {name: binary(value, kinds[name], ANYTHING, opened, name) for name, value in bound.items()}
    parts = {name: blobs for name, blobs in found.items() if blobs}
    if (parts or JSON not in route.reads) and FORM in route.reads:
        rest = {name: value for name, value in bound.items() if name not in parts}
        return Body(
            fields={name: texts(value, route.parameters[name]) for name, value in rest.items()},
            files=[(name, blob) for name, blobs in parts.items() for blob in blobs],
        )
    return Body(as_json(bound))


def plain_text(value: Any, reads: Sequence[str]) -> list[Blob]:
    """Write text as it is, where an endpoint reads text and no JSON; else nothing."""
    media = next((each for each in reads if each.startswith("text/")), None)
    if not isinstance(value, str) or media is None or JSON in reads:
        return []
    return [Blob(value.encode(), f"{media.replace('*', 'plain')}; charset=utf-8", "")]


def as_json(value: Any) -> Blob:
    """Write JSON; an image within it is base64 text.

    Raises:
        InvalidInput: something in *value* has no JSON form.
    """
    try:
        return Blob(dump(value), JSON, "")
    except TypeError as error:
        raise InvalidInput(f"an argument cannot be sent: {error}") from error


def texts(value: Any, parameter: Parameter) -> list[str]:
    """Write a plain value as a form's field: as it is where text is meant, or JSON."""
    if isinstance(value, str) and parameter.schema.keys() & {"type", "anyOf", "enum", "const", "$ref"}:
        return [value]
    content = as_json(value).content
    assert isinstance(content, bytes)
    return [content.decode()]


def binary(value: Any, kind: Kind, accepted: Sequence[str], opened: ExitStack, name: str) -> list[Blob]:
    """Write a value as bytes of an *accepted* type; nothing where it must be JSON."""
    if kind.is_list and isinstance(value, list | tuple):
        inner = Kind(kind.name, media=kind.media)
        found = [binary(item, inner, accepted, opened, name) for item in value]
        return [blob for blobs in found for blob in blobs] if all(found) else []
    if kind.name in ARRAYS:
        return array_blob(value) if wire_raw.NPY in accepted else []
    if kind.name == "dataframe":
        return frame_blob(value) if wire_arrow.STREAM in accepted else []
    if kind.name in FILES and accepted and value is not None:
        return [file_blob(value, kind, accepted, opened, name)]
    return []


def array_blob(value: Any) -> list[Blob]:
    """Write an array or a tensor as `.npy`; nothing for what is none, or of objects."""
    if not hasattr(value, "__array__"):
        return []
    numpy = need("numpy", "an array argument")
    array = numpy.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    return [] if array.dtype.hasobject else [Blob(wire_raw.write_npy(numpy, array), wire_raw.NPY, "array.npy")]


def frame_blob(value: Any) -> list[Blob]:
    """Write a frame as an Arrow stream; nothing for what Arrow cannot hold."""
    pandas = loaded("pandas")
    if pandas is None or not isinstance(value, pandas.DataFrame):
        return []
    try:
        pyarrow = need("pyarrow", "a frame argument", extra="pandas")
    except MissingLibrary:
        return []
    try:
        table = pyarrow.Table.from_pandas(value, preserve_index=False)
    except (pyarrow.ArrowException, TypeError, ValueError):
        return []
    return [Blob(wire_arrow.write_stream(pyarrow, table), wire_arrow.STREAM, "table.arrow")]


def file_blob(value: Any, kind: Kind, accepted: Sequence[str], opened: ExitStack, name: str) -> Blob:
    """Send what is meant by a file: bytes, a path, an open binary file, an image.

    Raises:
        InvalidInput: it is none of these, or cannot be read.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return Blob(bytes(value), media_of("", kind, accepted), name)
    pillow = loaded("PIL.Image")
    if pillow is not None and isinstance(value, pillow.Image):
        return image_blob(value, kind)
    if isinstance(value, PurePath) or (isinstance(value, str) and kind.name != "bytes"):
        path = Path(value)
        try:
            file: Any = opened.enter_context(path.open("rb"))
        except OSError as error:
            raise InvalidInput(f"`{name}` must be a file that can be read: {path}: {error.strerror}") from error
        return Blob(file, media_of(path.name, kind, accepted), path.name)
    if callable(getattr(value, "read", None)) and not isinstance(value, io.TextIOBase):
        told = getattr(value, "name", "")
        filename = Path(told).name if isinstance(told, str) else ""
        return Blob(value, media_of(filename, kind, accepted), filename or name)
    images = " or a PIL image" if kind.name == "image" else ""
    raise InvalidInput(f"`{name}` must be a path, bytes, an open binary file{images}: {type(value).__name__}")


def image_blob(image: Any, kind: Kind) -> Blob:
    """Write a PIL image: as JPEG where such a file is declared, or without loss."""
    if kind.name == "file" and matches("image/jpeg", kind.media or "none"):
        form = "JPEG"
    else:
        form = "PNG" if image.mode in ("1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA") else "TIFF"
    out = io.BytesIO()
    image.save(out, form)
    return Blob(out.getvalue(), f"image/{form.lower()}", f"image.{form.lower()}")


def media_of(filename: str, kind: Kind, accepted: Sequence[str]) -> str:
    """Say of which type a file is: by its name, or openly, or as declared."""
    guessed = mimetypes.guess_type(filename)[0]
    for media in (guessed, OCTETS, kind.media):
        if media and "*" not in media and any(matches(media, one) for one in accepted):
            return media
    return next((media for media in accepted if "*" not in media), OCTETS)


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """Read a file piece by piece."""
    while piece := file.read(CHUNK):
        yield piece


def keywords(body: Body, accept: str, pieces: Callable[[BinaryIO], Any]) -> dict[str, Any]:
    """Give the keywords of an httpx request.

    Args:
        body: what it carries.
        accept: the header that says which answers are read.
        pieces: reads an open file bit by bit.
    """
    if body.whole is not None:
        content = body.whole.content
        headers = {"accept": accept, "content-type": body.whole.media}
        return {"headers": headers, "content": content if isinstance(content, bytes) else pieces(content)}
    files: list[tuple[str, tuple[str | None, bytes | BinaryIO, str | None]]]
    files = [(name, (blob.filename, blob.content, blob.media)) for name, blob in body.files]
    texts = [(name, (None, text.encode(), None)) for name, found in body.fields.items() for text in found]
    return {"headers": {"accept": accept}, "files": [*texts, *files]}
