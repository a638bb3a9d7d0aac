"""Many calls into one call of the model, and its one answer into many.

In: calls of one endpoint that batches. Out: a reply for each, in their order.
A run is a generator that gives each call of the model and is sent what became of it; so a thread and the event loop
drive the same rules, and a test drives them with plain values.
"""

import math
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from ekiben.core.errors import EkibenError
from ekiben.core.spec import BatchSpec
from ekiben.engine.messages import Call, Reply
from ekiben.engine.policy import Policy
from ekiben.schema.open import OpenLeaf, leaf_of
from ekiben.schema.values.base import Leaf

Run = Generator[Call, Reply, list[Reply]]  # gives a call of the model, takes its reply; ends with one for each call
Step = Generator[Call, Reply, Reply]  # the same for one group; its value is the list of the calls' values

OPEN = OpenLeaf()
PLAIN = (bool, int, str, bytes, UUID, date, datetime, time, timedelta)


@dataclass(frozen=True, slots=True)
class Batching:
    """How one endpoint batches."""

    batcher: "Batcher"
    spec: BatchSpec
    policy: Policy


class Misfit(RuntimeError):
    """The method's answer has not as many items as it was given."""


class Batcher:
    """Groups, joins, splits, for one endpoint.

    Args:
        spec: sizes and axes.
        leaf: how the batched parameter is joined; None where its type shows only when it is there.
        output: how the answer is split; the same.
        isolate: run a failed batch again by halves, so that one bad item fails alone.
        is_listed: the method takes a list with one element a call, and gives one.
        joined: the parameter whose values are joined; None where there is one only. Calls that differ in another
            argument run apart.
    """

    def __init__(
        self,
        spec: BatchSpec,
        leaf: Leaf | None = None,
        output: Leaf | None = None,
        *,
        isolate: bool = False,
        is_listed: bool = False,
        joined: str | None = None,
    ) -> None:
        self._spec = spec
        self._leaf = leaf or OPEN
        self._output = output or OPEN
        self._isolate = isolate
        self._is_listed = is_listed
        self._joined = joined

    def size(self, call: Call) -> int:
        """Count a call's items; a value that cannot be joined with others is one."""
        return 1 if self._is_listed else count(self._value(call), self._spec.in_axis) or 1

    def run(self, calls: Sequence[Call]) -> Run:
        """Answer *calls*; those whose values cannot be joined run apart."""
        if len(calls) == 1:
            return (yield from self._run_group(calls, [0]))
        replies: dict[int, Reply] = {}
        for group in self._groups(calls):
            reruns = [2 * math.ceil(math.log2(len(group))) + 2]
            for call, reply in zip(group, (yield from self._run_group(group, reruns)), strict=True):
                replies[id(call)] = reply
        return [replies[id(call)] for call in calls]

    def _groups(self, calls: Sequence[Call]) -> list[list[Call]]:
        """Put calls together whose values can be joined."""
        if self._is_listed:
            return [list(calls)]
        groups: dict[Hashable, list[Call]] = {}
        for call in calls:
            groups.setdefault(self._key(call), []).append(call)
        return list(groups.values())

    def _key(self, call: Call) -> Hashable:
        value, axis = self._value(call), self._spec.in_axis
        if count(value, axis) is None:
            return id(call)
        alike = type(value), self._leaf.alike(value, axis)
        if self._joined is None or len(call.kwargs) == 1:
            return alike
        others = self._others(call)
        return id(call) if others is None else (alike, others)

    def _others(self, call: Call) -> Hashable | None:
        """Give what a call's other arguments are by value; None where that is unknown."""
        try:
            return tuple((key, frozen(value)) for key, value in sorted(call.kwargs.items()) if key != self._joined)
        except TypeError:
            return None

    def _value(self, call: Call) -> Any:
        """Give the argument that is joined."""
        if self._joined is not None and self._joined in call.kwargs:
            return call.kwargs[self._joined]
        return call.args[0] if call.args else next(iter(call.kwargs.values()))

    def _with_value(self, call: Call, value: Any) -> Call:
        """Give a call like *call* with another value to be joined."""
        args: tuple[Any, ...] = ()
        kwargs = call.kwargs
        if call.args:
            args = (value, *call.args[1:])
        else:
            name = self._joined if self._joined is not None and self._joined in kwargs else next(iter(kwargs))
            kwargs = {**kwargs, name: value}
        return Call(call.endpoint, args, kwargs, call.context, deadline=call.deadline, about=call.about)

    def _with_values(self, calls: Sequence[Call], value: Any) -> Call:
        """Give one call for several, which has the time of the most patient."""
        found = self._with_value(calls[0], value)
        ends = [call.deadline for call in calls]
        found.deadline = None if None in ends else max(end for end in ends if end is not None)
        if len(calls) > 1:
            found.about = None
        return found

    def _run_group(self, calls: Sequence[Call], reruns: list[int]) -> Run:
        """Answer calls that go together; *reruns* holds how many more are allowed."""
        reply = yield from self._choose(calls)
        error = reply.error
        if error is None:
            return [Reply(value) for value in reply.value]
        hopeless = isinstance(error, Misfit) or (isinstance(error, EkibenError) and error.status >= 500)
        if len(calls) == 1 or not self._isolate or hopeless:
            return [reply for _ in calls]
        replies: list[Reply] = []
        for half in (calls[: len(calls) // 2], calls[len(calls) // 2 :]):
            # A call whose deadline passed has its answer already, so time ends the search too.
            if reruns[0] > 0 and any(call.is_wanted for call in half):
                reruns[0] -= 1
                replies += yield from self._run_group(half, reruns)
            else:
                replies += [reply for _ in half]
        return replies

    def _choose(self, calls: Sequence[Call]) -> Step:
        if self._is_listed:
            return self._run_listed(calls)
        if len(calls) > 1:
            return self._run_joined(calls)
        items = count(self._value(calls[0]), self._spec.in_axis)
        if items is not None and items > self._spec.max_size:
            return self._run_in_pieces(calls[0], items)
        return self._run_alone(calls[0], items)

    def _run_listed(self, calls: Sequence[Call]) -> Step:
        reply = yield self._with_values(calls, [self._value(call) for call in calls])
        return then(reply, lambda answer: [part[0] for part in OPEN.split(answer, [1] * len(calls), 0)])

    def _run_joined(self, calls: Sequence[Call]) -> Step:
        values = [self._value(call) for call in calls]
        joined = then(Reply(values), lambda parts: self._leaf.join(parts, self._spec.in_axis))
        if joined.error is not None:
            return joined
        batch, sizes = joined.value
        reply = yield self._with_values(calls, batch)
        return then(reply, lambda answer: self._split(answer, sizes))

    def _run_alone(self, call: Call, items: int | None) -> Step:
        """Run a call as it is; *items* is None where it is no batch."""
        reply = yield call
        return then(reply, lambda answer: [answer if items is None else self._checked(answer, items)])

    def _run_in_pieces(self, call: Call, items: int) -> Step:
        """Run a call that is larger than a batch may be."""
        value, most = self._value(call), self._spec.max_size
        sizes = [min(most, items - start) for start in range(0, items, most)]
        answers: list[Any] = []
        for piece in self._leaf.split(value, sizes, self._spec.in_axis):
            size = sizes[len(answers)]
            reply = yield self._with_value(call, piece)
            checked = then(reply, partial(self._checked, items=size))
            if checked.error is not None:
                return checked
            answers.append(checked.value)
        return then(Reply(answers), lambda parts: [self._join(parts)])

    def _checked(self, answer: Any, items: int) -> Any:
        """Hold a lone call's answer to what a batch's must be: mistakes show at once."""
        if count(answer, self._spec.out_axis) != items:
            self._split(answer, [items])
        return answer

    def _split(self, answer: Any, sizes: Sequence[int]) -> list[Any]:
        return self._output.split(answer, sizes, self._spec.out_axis)

    def _join(self, answers: list[Any]) -> Any:
        """Put the answers to the pieces of one call together."""
        if isinstance(answers[0], dict):
            return {key: self._join([answer[key] for answer in answers]) for key in answers[0]}
        return (leaf_of(answers[0]) or OPEN).join(answers, self._spec.out_axis)[0]


def then(reply: Reply, use: Callable[[Any], Any]) -> Reply:
    """Go on with a reply's value; one that misfits its batch is the service's fault."""
    if reply.error is not None:
        return reply
    try:
        return Reply(use(reply.value))
    except (ValueError, TypeError, KeyError) as error:
        return Reply(error=Misfit(str(error)))


def count(value: Any, axis: int) -> int | None:
    """Count the items of a value along *axis*; None where it is no batch of items."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return int(shape[axis]) if -len(shape) <= axis < len(shape) else None
    return len(value) if isinstance(value, list | tuple) else None


def frozen(value: Any) -> Hashable:
    """Give what only equal arguments have in common: 1, 1.0 and True differ.

    Raises:
        TypeError: the value is of a kind that is not known to be comparable.
    """
    kind = type(value)
    if value is None or kind in PLAIN:
        return kind, value
    if kind in (float, Decimal):
        return kind, str(value)  # 0.0 and -0.0 differ, NaN is like NaN
    if hasattr(value, "tobytes") and not value.dtype.hasobject:
        return kind, value.dtype.str, value.shape, value.tobytes()
    if kind in (list, tuple):
        return kind, tuple(frozen(item) for item in value)
    if kind is dict:
        return kind, tuple((frozen(key), frozen(item)) for key, item in value.items())
    if kind in (set, frozenset):
        return kind, frozenset(frozen(item) for item in value)
    if isinstance(value, Enum):
        return kind, value.name
    if isinstance(value, BaseModel):
        return kind, frozen(dict(value))
    if is_dataclass(value):
        return kind, tuple(frozen(getattr(value, part.name)) for part in fields(value))
    raise TypeError(f"{kind.__name__} is not compared by value")
