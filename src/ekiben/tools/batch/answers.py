"""Take the answer to many rows apart.

In: what the endpoint returned for n rows. Out: n results, or the reason why there are not as many.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ekiben.engine.batch import Misfit, count
from ekiben.schema.open import leaf_of
from ekiben.schema.values.dataframe import list_of


def results(answer: Any, rows: int, axis: int = 0) -> list[Any]:
    """Give a result for each row.

    Args:
        answer: an array, a frame, a list, or an object of such.
        rows: how many results there must be.
        axis: along which they stand in an array.

    Raises:
        Misfit: there is another number of them.
    """
    found = parts(answer, axis)
    if found is not None and len(found) == rows:
        return found
    if rows == 1 and count(answer, axis) is None:
        return [answer]  # of a method that takes a table and gives one value for all of it
    have = f"a {type(answer).__name__}" if found is None else f"{len(found)}"
    raise Misfit(f"{rows} rows must be answered by as many results, not by {have}")


def parts(answer: Any, axis: int) -> list[Any] | None:
    """Give the items of an answer; None where it is one value."""
    leaf = leaf_of(answer)
    if leaf is not None and leaf.kind == "dataframe":
        columns = [list_of(answer.iloc[:, index]) for index in range(answer.shape[1])]
        names = [str(name) for name in answer.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if leaf is not None and leaf.kind == "series":
        return list_of(answer)
    if leaf is not None and leaf.kind in ("ndarray", "tensor"):
        array = np.asarray(answer if leaf.kind == "ndarray" else leaf.to_json(answer))
        return list(np.moveaxis(array, axis, 0)) if axis < array.ndim else None
    if isinstance(answer, Mapping):
        members = {name: parts(value, axis) for name, value in answer.items()}
        if not members or any(member is None for member in members.values()):
            return None
        lengths = {len(member) for member in members.values() if member is not None}
        if len(lengths) != 1:
            return None
        columns = [member for member in members.values() if member is not None]
        return [dict(zip(members, row, strict=True)) for row in zip(*columns, strict=True)]
    return list(answer) if isinstance(answer, list | tuple) else None
