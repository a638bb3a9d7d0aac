"""Form fields and uploads into named arguments.

In: the parsed parts of a multipart or urlencoded body, in order. Out: a dict of raw values, for pydantic.
A repeated field is a list; a text field may hold JSON where its parameter is not text.
Source: RFC 7578.
"""

import types
from collections.abc import Sequence
from typing import Annotated, Any, Union, get_args, get_origin

import orjson

from ekiben.schema.content import Upload
from ekiben.schema.signature import Signature


def gather(fields: Sequence[tuple[str, str | Upload]], signature: Signature) -> Any:
    """Collect *fields* by parameter; a root endpoint takes the only field there is."""
    grouped: dict[str, list[str | Upload]] = {}
    for name, value in fields:
        grouped.setdefault(name, []).append(value)
    hints = {parameter.name: parameter.hint for parameter in signature.parameters}
    if signature.is_root:
        (hint,) = hints.values()
        values = [value for group in grouped.values() for value in group]
        return convert(values, hint)
    return {name: convert(values, hints.get(name, Any)) for name, values in grouped.items()}


def convert(values: list[str | Upload], hint: Any) -> Any:
    """Give a list where the parameter is one, otherwise the value; read JSON where text is not meant."""
    if is_list(hint):
        if len(values) == 1 and isinstance(values[0], str):
            whole = parse(values[0])
            if isinstance(whole, list):
                return whole
        return [parse(value) if isinstance(value, str) and not takes_text(hint) else value for value in values]
    if len(values) > 1:
        return values
    value = values[0]
    return parse(value) if isinstance(value, str) and not takes_text(hint) else value


def parse(text: str) -> Any:
    """Read JSON; text that is none stays text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def is_list(hint: Any) -> bool:
    """Say whether *hint* is a list, a tuple or a set, also where it may be None."""
    origin = get_origin(hint)
    if origin is Annotated:
        return is_list(get_args(hint)[0])
    if origin in (Union, types.UnionType):
        return any(is_list(arg) for arg in get_args(hint))
    return (origin or hint) in (list, tuple, set, frozenset)


def takes_text(hint: Any) -> bool:
    """Say whether *hint* takes a plain string at its outermost place or as an item."""
    origin = get_origin(hint)
    if origin is dict:
        return False
    if hint is str or (isinstance(hint, type) and issubclass(hint, str)):
        return True
    return any(takes_text(arg) for arg in get_args(hint)) if origin is not None else False
