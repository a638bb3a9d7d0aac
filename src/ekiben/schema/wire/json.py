"""JSON in and out.

In: bytes, or a value of nearly any type. Out: arguments, or bytes.
NaN and the infinities are not JSON (RFC 8259): they leave as `null`, or as Python's literals where a dialect did so.
"""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping, Set
from enum import Enum
from pathlib import PurePath
from typing import Any

import orjson
from pydantic import BaseModel

OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def dump(value: Any) -> bytes:
    """Write *value*; NaN becomes null.

    Raises:
        TypeError: a value in it has no JSON form.
    """
    try:
        return orjson.dumps(value, default=plain, option=OPTIONS)
    except TypeError as error:
        if "keys" not in str(error):
            raise
        return orjson.dumps(value, default=plain, option=OPTIONS | orjson.OPT_NON_STR_KEYS)


def dump_literal(value: Any) -> bytes:
    """Write *value*; NaN stays `NaN`, as Python's own json module writes it."""
    return json.dumps(value, default=plain, ensure_ascii=False, separators=(",", ":")).encode()


def dumper(nan_style: str) -> Callable[[Any], bytes]:
    """Choose the writer for a spec's style."""
    return dump_literal if nan_style == "literal" else dump


def plain(value: Any) -> Any:
    """Give a JSON-able stand-in for a value that JSON does not know."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="python", by_alias=True)
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, tensors on the CPU
        return value.tolist()
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return value.to_dict(orient="records")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return list(value)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def depth(body: bytes, limit: int) -> bool:
    """Say whether *body* nests brackets deeper than *limit*; those inside strings do not count."""
    if body.count(b"[") + body.count(b"{") <= limit:
        return False
    level, inside, escaped = 0, False, False
    for byte in body:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in (0x5B, 0x7B):
            level += 1
            if level > limit:
                return True
        elif byte in (0x5D, 0x7D):
            level -= 1
    return False
