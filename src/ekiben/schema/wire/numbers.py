"""Read nested lists of JSON numbers straight into an array.

Of long bodies no Python object is made for each number; of brief ones it is, which is quicker there.

In: the bytes of a body, and the array that is asked for. Out: exactly the array that the careful way
(`ArrayForm.decode` of the parsed lists) makes, or None where only that way can say what is right, or what is wrong.
Source: simdjson ("Parsing Gigabytes of JSON per Second", Langdale and Lemire 2019). It flattens ragged lists silently,
so the lengths of all rows and the number of brackets are compared with the numbers that came out.
"""

import re
from typing import Any

import orjson
from simdjson import Array, Object, Parser

from ekiben.schema.wire.raw import ArrayForm

WHOLE, REAL = "i", "d"  # what simdjson calls int64 and float64
FEW = 8  # numbers in a row, on average, from which looking at each row costs less than the careful way
SMALL = 64  # rows that are looked at however short they are
BRIEF = 1024  # bytes, up to which Python objects cost less than looking at rows from outside
LONG = re.compile(rb"\d{19}")  # of which orjson may make a float
REFUSED = (ValueError, TypeError, RuntimeError, AttributeError)  # simdjson's; the careful way finds the words


def read(form: ArrayForm, body: bytes, name: str | None = None) -> Any:
    """Read an array; None where the careful way has to.

    Args:
        form: the dtype, which may be open, and the shape that are asked for.
        body: nested lists, or an object whose only member is called *name*.
        name: of that member.
    """
    if len(body) <= BRIEF:
        return read_brief(form, body, name)
    kind = REAL if b"." in body else WHOLE
    wanted = form.dtype.kind if form.dtype is not None else "f"
    if wanted not in "iuf" or (kind == REAL and wanted != "f"):
        return None
    try:
        document: Any = Parser().parse(body)
        if name is not None:
            if not isinstance(document, Object) or len(document) != 1:
                return None
            document = document[name]
        flat = form.numpy.frombuffer(document.as_buffer(of_type=kind), dtype=f"{kind}8".replace("d", "f"))
        shape = shape_of(document, flat.size, body.count(b"["))
        return None if shape is None else form.check(flat.reshape(shape))
    except (*REFUSED, KeyError):
        return None


def read_brief(form: ArrayForm, body: bytes, name: str | None) -> Any:
    """Read a small array as the careful way does; None where anything is odd."""
    wanted = form.dtype.kind if form.dtype is not None else "f"
    if wanted not in "iufb" or LONG.search(body) is not None:  # text: NumPy makes it of what is none
        return None
    try:
        lists = orjson.loads(body)
        if name is not None:
            lists = lists[name] if body.count(b'"') == len('""') else None  # no name stands there twice
        if type(lists) is not list:
            return None
        array = form.numpy.array(lists)
        given = array.dtype.kind
        fits = array.size and (given == wanted or (given == "i" and wanted == "f"))
        return form.check(array) if fits else None
    except (*REFUSED, KeyError):
        return None


def shape_of(lists: Array, size: int, brackets: int) -> tuple[int, ...] | None:
    """Give the shape of nested lists of *size* numbers; None where they are ragged.

    Args:
        lists: the outermost list.
        size: the numbers in all of them.
        brackets: how many lists there are in all.

    Raises:
        TypeError: a number stands beside a list.
    """
    shape, count, seen = [len(lists)], 1, 1
    level: list[Any] = [lists]
    while isinstance(level[0][0] if shape[-1] else None, Array):
        count *= shape[-1]
        if count > max(SMALL, size // FEW):
            return None
        level = [inner for outer in level for inner in outer]
        length = len(level[0])
        if any(len(inner) != length for inner in level):
            return None
        shape.append(length)
        seen += count
    return tuple(shape) if size and count * shape[-1] == size and seen == brackets else None
