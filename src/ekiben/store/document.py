"""Read and write the small YAML documents that describe an item.

In: bytes that anyone may have written. Out: plain data of bounded size and depth, or one clear error.
No object is ever built from a tag of YAML; an alias or a merge that multiplies is refused before it is expanded.
"""

import datetime
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.core.paths import disk_errors

MAX_SIZE = 4 * 1024 * 1024  # bytes
MAX_DEPTH = 64
MAX_NODES = 200_000  # counted after aliases are expanded

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read_document(path: Path) -> dict[str, Any]:
    """Read a YAML file whose top is a mapping.

    Raises:
        CorruptItem: it is not such a file, or larger or deeper than a description needs to be.
        StoreError: it cannot be read.
    """
    with disk_errors(f"cannot read {path}"), path.open("rb") as file:
        text = file.read(MAX_SIZE + 1)
    return parse_document(text, path.name)


def parse_document(text: bytes, name: str) -> dict[str, Any]:
    """Turn the text of a YAML file into plain data; *name* is what errors call it.

    Raises:
        CorruptItem: as `read_document`.
    """
    if len(text) > MAX_SIZE:
        raise CorruptItem(f"{name} must be at most {MAX_SIZE} bytes long, and is longer")
    try:
        _check_shape(text, name)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - the safe loader
        _count(value, name)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = str(error).splitlines()[0] if str(error) else type(error).__name__
        mark = getattr(error, "problem_mark", None)  # where the reader stopped
        if mark is not None:
            place = f"{getattr(error, 'problem', None) or place}, in line {mark.line + 1}"
        raise CorruptItem(f"{name} is not a YAML document that we can read: {place}") from error
    if not isinstance(value, dict):
        raise CorruptItem(f"{name} must be a mapping: {type(value).__name__}")
    return value


def write_document(value: Mapping[str, Any]) -> bytes:
    """Turn plain data into YAML, keys in their order, the same bytes each time.

    Raises:
        InvalidInput: the text is larger than `read_document` takes, or holds half a letter (a lone surrogate).
    """
    try:
        text: bytes = yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, encoding="utf-8")
    except UnicodeError as error:
        raise InvalidInput(f"the description of a model or bento must be text that UTF-8 can hold: {error}") from error
    if len(text) > MAX_SIZE:
        raise InvalidInput(
            f"the description of a model or bento must be at most {MAX_SIZE} bytes of YAML: {len(text)}",
            hint="put large values into a file of the model",
        )
    return text


def make_plain(value: Any, field: str) -> Any:
    """Turn a value into what YAML holds: text, numbers, dates, lists and mappings.

    Tuples and sets become lists, arrays and scalars of NumPy (anything with `tolist`) plain numbers,
    dataclasses mappings, paths text.

    Raises:
        InvalidInput: something else is in there; the error names *field* and the place in it.
    """
    if value is None or isinstance(value, (bool, datetime.date)) or type(value) in (str, int, float):
        return value
    if isinstance(value, (str, int, float)):
        return next(kind(value) for kind in (str, int, float) if isinstance(value, kind))
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, (str, int)):
                raise InvalidInput(f"the keys of `{field}` must be text: {key!r}")
        return {key: make_plain(part, f"{field}.{key}") for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [make_plain(part, f"{field}[{index}]") for index, part in enumerate(value)]
    if callable(getattr(value, "tolist", None)):
        return make_plain(value.tolist(), field)
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: make_plain(getattr(value, part.name), f"{field}.{part.name}") for part in fields(value)}
    raise InvalidInput(
        f"`{field}` must hold text, numbers, dates, lists and mappings: {type(value).__name__}",
        hint="put it into `custom_objects`, or into a file of the model",
    )


def _check_shape(text: bytes, name: str) -> None:
    """Walk the events, without memory or recursion, before anything is built."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if count > MAX_NODES:
            raise CorruptItem(f"{name} must hold at most {MAX_NODES} values, and holds more")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise CorruptItem(f"{name} must be nested at most {MAX_DEPTH} deep, and is deeper")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            raise CorruptItem(f"{name} must not use the merge key `<<` of YAML")


def _count(value: Any, name: str) -> None:
    """Count values as a reader meets them, each alias anew, and stop at the limit."""
    waiting = [(value, 0)]
    seen = 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > MAX_NODES or depth > MAX_DEPTH:
            raise CorruptItem(f"{name} grows past {MAX_NODES} values or {MAX_DEPTH} levels when its aliases are read")
        if isinstance(part, dict):
            waiting.extend((inner, depth + 1) for inner in part.values())
        elif isinstance(part, (list, set)):
            waiting.extend((inner, depth + 1) for inner in part)
