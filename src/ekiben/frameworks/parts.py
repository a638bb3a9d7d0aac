"""Walk through everything that a model is made of.

In: an estimator. Out: its parts: attributes, steps, trees, and what these hold.
"""

import functools
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from ekiben.core.optional import loaded

ATOMS = (str, bytes, int, float, complex, bool, type(None))


def parts(model: Any) -> Iterator[Any]:
    """Give *model* and every object that it holds, each once."""
    todo, seen = [model], {id(model)}
    kept = []  # parts made on the way must live as long as their ids are remembered
    while todo:
        part = todo.pop()
        yield part
        for inner in held(part):
            if not isinstance(inner, ATOMS) and id(inner) not in seen:
                seen.add(id(inner))
                kept.append(inner)
                todo.append(inner)


def held(part: Any) -> list[Any]:
    """List what one object holds itself."""
    if isinstance(part, Mapping):
        return [*part.keys(), *part.values()]
    if isinstance(part, list | tuple | set | frozenset):
        return list(part)
    numpy = loaded("numpy")
    if numpy is not None and isinstance(part, numpy.ndarray):
        return list(part.flat) if part.dtype.hasobject and part.dtype.names is None else []
    if isinstance(part, functools.partial):
        return [part.func, *part.args, *part.keywords.values()]
    if isinstance(part, type | ModuleType) or not hasattr(part, "__dict__"):
        return []
    return list(vars(part).values())
