"""Many calls into one call of the model, and its one answer into many.

In: calls of one endpoint that batches. Out: a reply for each, in their order.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ekiben.core.errors import EkibenError
from ekiben.core.spec import BatchSpec
from ekiben.engine.messages import Call, Reply
from ekiben.schema.values.base import Leaf
from ekiben.schema.values.record import RecordLeaf


class Batcher:
    """Joins, calls, splits, for one endpoint.

    Args:
        spec: sizes and axes.
        leaf: how the batched parameter is joined; None where it is a plain list.
        output: how the answer is split; None where its type is only seen.
        invoke: calls the model with one call's arguments.
        isolate: run a failed batch again by halves, so that one bad item fails alone.
    """

    def __init__(
        self,
        spec: BatchSpec,
        leaf: Leaf | None,
        output: Leaf | None,
        invoke: Callable[[Call], Any],
        *,
        isolate: bool,
    ) -> None:
        self._spec = spec
        self._leaf = leaf or RecordLeaf()
        self._output = output or RecordLeaf()
        self._invoke = invoke
        self._isolate = isolate

    def size(self, call: Call) -> int:
        """Count a call's items."""
        return self._leaf.join([value_of(call)], self._spec.in_axis)[1][0]

    def run(self, calls: Sequence[Call]) -> list[Reply]:
        """Answer *calls*; those whose values cannot be joined run apart."""
        replies: dict[int, Reply] = {}
        for group in grouped(calls):
            for call, reply in zip(group, self._run_group(group), strict=True):
                replies[id(call)] = reply
        return [replies[id(call)] for call in calls]

    def _run_group(self, calls: Sequence[Call]) -> list[Reply]:
        try:
            values = self._run_joined(calls)
        except Exception as error:  # noqa: BLE001 - the user's model may raise anything
            if len(calls) == 1 or not self._isolate or (isinstance(error, EkibenError) and error.status >= 500):
                return [Reply(error=error) for _ in calls]
            middle = len(calls) // 2
            return [*self._run_group(calls[:middle]), *self._run_group(calls[middle:])]
        return [Reply(value) for value in values]

    def _run_joined(self, calls: Sequence[Call]) -> list[Any]:
        if len(calls) == 1:
            return [self._invoke(calls[0])]
        joined, sizes = self._leaf.join([value_of(call) for call in calls], self._spec.in_axis)
        answer = self._invoke(with_value(calls[0], joined))
        return self._output.split(answer, sizes, self._spec.out_axis)


def value_of(call: Call) -> Any:
    """Give the one argument of a call."""
    return call.args[0] if call.args else next(iter(call.kwargs.values()))


def with_value(call: Call, value: Any) -> Call:
    """Give a call like *call* with another argument."""
    if call.args:
        return Call(call.endpoint, (value,), {}, call.context)
    return Call(call.endpoint, (), {next(iter(call.kwargs)): value}, call.context)


def grouped(calls: Sequence[Call]) -> list[list[Call]]:
    """Put calls together whose values are alike in type, dtype and inner shape."""
    groups: dict[Any, list[Call]] = {}
    for call in calls:
        value = value_of(call)
        key = (type(value), str(getattr(value, "dtype", "")), getattr(value, "shape", ())[1:])
        groups.setdefault(key, []).append(call)
    return list(groups.values())
