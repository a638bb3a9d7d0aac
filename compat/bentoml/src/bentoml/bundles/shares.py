"""Give each task its share of what a function returned for several.

In: the result of a batch, and the tasks that it is for. Out: pairs of a task and its value.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from bentoml.bundles.tasks import InferenceTask
from ekiben.engine.batch import Misfit
from ekiben.schema.open import OpenLeaf, leaf_of

OPEN = OpenLeaf()


def share(result: Any, tasks: Sequence[InferenceTask]) -> list[tuple[InferenceTask, Any]]:
    """Divide a result among the tasks that were not discarded.

    A function that discards some of its tasks may leave their results out, or give something in their place.

    Args:
        result: what the function returned for all tasks.
        tasks: those that it was given, discarded ones among them.

    Raises:
        Misfit: there are not as many results as items.
    """
    left = [task for task in tasks if not task.is_discarded]
    if not left and result is None:
        return []
    parts = rows(result)
    some = tasks if sum(sizes_of(tasks)) == count(parts) else left
    sizes = sizes_of(some)
    if sum(sizes) != count(parts):
        raise Misfit(f"a batch of {sum(sizes)} items must be answered by as many, not {count(parts)}")
    found = OPEN.split(parts, sizes, 0)
    pairs = [(task, only(part) if task.batch is None else part) for task, part in zip(some, found, strict=True)]
    return [(task, value) for task, value in pairs if not task.is_discarded]


def sizes_of(tasks: Sequence[InferenceTask]) -> list[int]:
    """Count the items of each task."""
    return [1 if task.batch is None else task.batch for task in tasks]


def rows(result: Any) -> Any:
    """Give a result that can be divided: a list, an array, a frame, a tensor.

    Raises:
        Misfit: it is a single value.
    """
    leaf = leaf_of(result)
    if leaf is not None and leaf.kind in ("ndarray", "tensor", "dataframe", "series"):
        return result
    if isinstance(result, str | bytes | dict) or not isinstance(result, Iterable):
        raise Misfit(f"a batch must be answered by a list of its items, not {type(result).__name__}")
    return list(result)


def count(parts: Any) -> int:
    """Count the items of a result; raises Misfit for a single number."""
    try:
        return len(parts)
    except TypeError as error:
        raise Misfit("a batch must be answered by an array of its items, not by a single number") from error


def items(result: Any) -> list[Any]:
    """Give the items of a result, one for each call; raises Misfit."""
    parts = rows(result)
    return parts if isinstance(parts, list) else [only(part) for part in OPEN.split(parts, [1] * count(parts), 0)]


def only(part: Any) -> Any:
    """Give the only item of a part; a frame of one row stays one."""
    leaf = leaf_of(part)
    if leaf is not None and leaf.kind == "dataframe":
        return part
    return part.iloc[0] if leaf is not None and leaf.kind == "series" else part[0]
