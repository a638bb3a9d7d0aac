"""Write plain values as bytes, and read them back with the same types.

In: None, truth values, whole numbers, floats, text, bytes, lists, tuples, sets, dicts, references to buffers, and
values of other kinds as a hook makes them of these.
Out: bytes; reading gives the same values, or a ValueError. What is read is never code and names none.
Source: MessagePack, whose arrays are our lists; what it lacks are extensions of a fixed table (`Ext`). It counts
lengths before anything is made, so that no frame claims more than it holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any

from msgpack import ExtType, packb, unpackb

DEEPEST = 64  # extensions within each other; each takes a tenth of a megabyte of a thread's stack while it is read


class Ref(int):
    """The place of a buffer that travels beside the value."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value of another kind, by the kind's name and what it is made of."""

    kind: str
    value: Any


class Ext(IntEnum):
    """What MessagePack has no mark for."""

    TUPLE = 1
    SET = 2
    FROZENSET = 3
    WHOLE = 4  # a whole number beyond 64 bits
    REF = 5
    TAGGED = 6


Hook = Callable[[Any], Any]  # gives a value that is nearer to plain; raises TypeError
Make = Callable[[str, Any], Any]  # makes a tagged value

MANY: dict[type, Ext] = {tuple: Ext.TUPLE, set: Ext.SET, frozenset: Ext.FROZENSET}
KNOWN = frozenset({type(None), bool, float, str, bytes, list, dict})  # to MessagePack; of whole numbers some
MADE: dict[int, Callable[[Any], Any]] = {Ext.TUPLE: tuple, Ext.SET: set, Ext.FROZENSET: frozenset}


def refuse(value: Any) -> Any:
    """Be the hook of whoever knows plain values only."""
    raise TypeError(f"a value of this type cannot be sent: {type(value).__name__}")


def write(value: Any, near: Hook = refuse) -> bytes:
    """Write a value; a `bytearray` or `memoryview` is read as bytes.

    Args:
        value: what to write.
        near: is asked for values of other types.

    Raises:
        TypeError: a value is not plain, and *near* knows nothing nearer.
        ValueError: it is nested too deep, or holds itself.
    """
    try:
        return pack(value, near, 0)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ValueError) and "recursion" not in str(error):
            raise
        raise ValueError("a value must not be nested deeper than some hundred levels") from error


def pack(value: Any, near: Hook, depth: int) -> bytes:
    """Write a value that stands within *depth* extensions."""
    found: bytes = packb(
        value, default=partial(rare, near=near, depth=depth), strict_types=True, unicode_errors="surrogatepass"
    )
    return found


def rare(value: Any, near: Hook, depth: int) -> Any:
    """Give what MessagePack can write for a value that it does not know."""
    if depth >= DEEPEST:
        raise RecursionError
    kind = type(value)
    inside = partial(pack, near=near, depth=depth + 1)
    if kind in MANY:
        return ExtType(MANY[kind], inside(list(value)))
    if kind is Ref:
        return ExtType(Ext.REF, inside(int(value)))
    if kind is Tagged:
        return ExtType(Ext.TAGGED, inside([value.kind, value.value]))
    if kind is int and -(2**63) <= value < 2**63:
        return value
    if kind is int:
        return ExtType(Ext.WHOLE, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
    nearer = near(value)
    return nearer if type(nearer) in KNOWN else rare(nearer, near, depth + 1)


def refuse_tag(kind: str, value: Any) -> Any:
    """Be the reader of whoever knows plain values only."""
    raise ValueError(f"a value is of a kind that is not expected: {kind}")


def read(data: memoryview | bytes, make: Make = refuse_tag) -> Any:
    """Read a value.

    Args:
        data: all of its bytes.
        make: is given the kind and the value of what is tagged; may raise ValueError.

    Raises:
        ValueError: the bytes are not what `write` gives.
    """
    try:
        return unpack(data, make, 0)
    except (TypeError, RecursionError) as error:  # a list as a key or in a set
        raise ValueError(f"a value is not well formed: {error}") from error
    except ValueError as error:
        words = str(error) or type(error).__name__
        raise ValueError(words if "value" in words else f"a value is not well formed: {words}") from error


def unpack(data: memoryview | bytes, make: Make, depth: int) -> Any:
    """Read a value that stands within *depth* extensions."""
    hook = partial(extended, make=make, depth=depth)
    return unpackb(data, ext_hook=hook, strict_map_key=False, unicode_errors="surrogatepass")


def extended(code: int, data: bytes, make: Make, depth: int) -> Any:
    """Read an extension."""
    if depth >= DEEPEST:
        raise ValueError(f"a value must not have more than {DEEPEST} extensions within each other")
    if code == Ext.WHOLE:
        return int.from_bytes(data, "little", signed=True)
    found = unpack(data, make, depth + 1)
    if code == Ext.REF and type(found) is int and found >= 0:
        return Ref(found)
    if type(found) is list:
        if code in MADE:
            return MADE[code](found)
        if code == Ext.TAGGED and len(found) == len(("kind", "value")):
            return make(str(found[0]), found[1])
    raise ValueError(f"a value has an unknown extension: {code}")
