"""JSON in and out.

In: bytes, or a value of nearly any type. Out: data, or bytes.
NaN and the infinities are not JSON (RFC 8259): they leave as `null`, or as Python's literals where a dialect did so;
they are read where a sender wrote the literals.
"""

import base64
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic_core import from_json, to_jsonable_python

OPTIONS = orjson.OPT_SERIALIZE_NUMPY
NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
AS_SQUARE = bytes.maketrans(b"{}", b"[]")

Plain = Callable[[Any], Any]


def load(body: bytes | str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is not JSON, or nested deeper than 200 levels.
    """
    try:
        return from_json(body)
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from error


def plain(value: Any, inner: Plain | None = None) -> Any:
    """Give a stand-in, nearer to JSON, for a value that JSON does not know.

    Args:
        value: any value.
        inner: does the same for what pydantic does not know within a model.

    Raises:
        TypeError: it has no JSON form.
    """
    if isinstance(value, BaseModel):
        return plain_model(value, inner or plain)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    if not isinstance(value, type) and hasattr(value, "__attrs_attrs__"):  # of a class by attrs
        return {part.name: getattr(value, part.name) for part in value.__attrs_attrs__}
    if isinstance(value, Enum):
        return value.value
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, tensors on the CPU
        return value.tolist()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Collection) else plain_scalar(value)


def plain_model(value: BaseModel, inner: Plain) -> Any:
    """Give a model's fields as its own serializers write them."""
    try:
        return to_jsonable_python(value, by_alias=True, fallback=inner, inf_nan_mode="constants")
    except ValueError:  # such as bytes that are no text
        return value.model_dump(by_alias=True)


def plain_scalar(value: Any) -> Any:
    """Give a single value: paths as text, times by ISO 8601, missing ones as None."""
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()
    if type(value).__name__ == "NAType":
        return None
    try:
        return to_jsonable_python(value, by_alias=True)
    except ValueError as error:
        raise TypeError(f"a value of type {type(value).__name__} has no JSON form") from error


def dumper(nan_style: str, to_plain: Plain = plain) -> Callable[[Any], bytes]:
    """Choose the writer for a spec's style.

    *to_plain* gives a stand-in for what JSON does not know, such as lists, or an array of numbers.
    """

    def in_lists(value: Any) -> Any:
        near = to_plain(value)
        return near.tolist() if hasattr(near, "tolist") else near

    def write(value: Any) -> bytes:
        try:
            return orjson.dumps(value, default=to_plain, option=OPTIONS)
        except TypeError:
            return dump_slowly(value, in_lists, keep_nan=False)

    def write_literal(value: Any) -> bytes:
        found = write(value)
        if b"null" not in found:  # then there is no NaN, for which it would stand
            return found
        try:
            return json.dumps(value, default=in_lists, ensure_ascii=False, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError):
            return dump_slowly(value, in_lists, keep_nan=True)

    return write_literal if nan_style == "literal" else write


def dump_slowly(value: Any, to_plain: Plain, *, keep_nan: bool) -> bytes:
    """Write what the fast writers do not.

    That is keys that are no text, whole numbers over 64 bits, and lone surrogates.

    Raises:
        TypeError: a value has no JSON form, or holds itself; its place is named.
    """
    return json.dumps(simplify(value, to_plain, keep_nan, ""), separators=(",", ":")).encode()


def simplify(value: Any, to_plain: Plain, keep_nan: bool, place: str, depth: int = 0) -> Any:
    """Give *value* in the types that Python's own json module knows."""
    if value is None or type(value) in (str, int, bool):
        return value
    if depth > 200:
        raise TypeError(f"{place[:60]}…: the answer is nested too deeply, or holds itself")
    if isinstance(value, float):
        return float(value) if keep_nan or math.isfinite(value) else None
    if isinstance(value, dict):
        return {
            key_of(key, place): simplify(item, to_plain, keep_nan, f"{place}.{key}", depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [simplify(item, to_plain, keep_nan, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    try:
        near = to_plain(value)
    except TypeError as error:
        raise TypeError(f"{place.lstrip('.')}: {error}" if place else str(error)) from error
    return simplify(near, to_plain, keep_nan, place, depth + 1)


def key_of(key: Any, place: str) -> str:
    """Give an object's key as text: numbers and dates as JSON writes them."""
    if isinstance(key, str):
        return key.value if isinstance(key, Enum) else str(key)
    near = key
    while not isinstance(near, str | int | float | None):
        kind = type(near).__name__
        try:
            near = plain(near)
        except TypeError:
            near = []
        if isinstance(near, list | dict):
            where = f"{place.lstrip('.')}: " if place else ""
            raise TypeError(f"{where}a key of type {kind} has no JSON form")
    return near if isinstance(near, str) else json.dumps(near)


def depth(body: bytes, limit: int) -> bool:
    """Say whether *body* nests brackets deeper than *limit*, strings aside."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    if b'"' in body:
        if b"\\" in body:
            body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
        body = b"".join(body.split(b'"')[::2])
    left = body.translate(AS_SQUARE, NO_BRACKETS)
    for _ in range(limit):
        before = len(left)
        left = left.replace(b"[]", b"")  # takes away exactly the innermost level
        if len(left) == before:
            return False  # either nothing is left, or it is not JSON, which its parser will say
    return bool(left)


dump = dumper("null")
