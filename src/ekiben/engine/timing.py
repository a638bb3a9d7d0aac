"""Time the reading of arguments and the writing of answers, in plain numbers.

In: a planned codec. Out: the same codec, whose functions add what they take to a pair of numbers. A value that is
refused counts too: refusing it took time as well.
"""

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, TypeVar

from ekiben.schema.codec import Codec

EVERY = 16  # runs, of which one is timed
QUICK = 50e-6  # seconds

Given = TypeVar("Given")
Made = TypeVar("Made")


@dataclass(slots=True)
class Spent:
    """How often something was done, and how long all of that took."""

    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class CodecTimes:
    """What one endpoint spends on bytes.

    What may run on a thread beside the event loop has numbers of its own, which a lock guards.
    """

    _reading: tuple[Spent, Spent] = field(default_factory=lambda: (Spent(), Spent()))
    _writing: Spent = field(default_factory=Spent)

    @property
    def decode(self) -> Spent:
        """The bodies that were read."""
        first, second = self._reading
        return Spent(first.count + second.count, first.seconds + second.seconds)

    @property
    def encode(self) -> Spent:
        """The answers that were written; of a stream, its pieces."""
        return self._writing


def timed(codec: Codec, times: CodecTimes) -> Codec:
    """Give *codec* with functions that note what they take."""
    here, beside = times._reading
    is_beside = codec.output_leaf is not None and codec.output_leaf.kind == "image"
    watch: Callable[[Callable[[Any], Any], Spent], Callable[[Any], Any]] = watched_beside if is_beside else watched
    encode = watch(codec.encode, times._writing)
    encoders = {media: watch(each, times._writing) for media, each in codec.encoders.items()}
    return replace(
        codec,
        from_json=watched(codec.from_json, here),
        from_fields=watched(codec.from_fields, here),
        from_raw=watched_beside(codec.from_raw, beside),
        encode=encode,
        encoders=encoders,
    )


def watched(
    function: Callable[[Given], Made], spent: Spent, clock: Callable[[], float] = perf_counter
) -> Callable[[Given], Made]:
    """Note what *function* takes; it runs on the event loop only.

    Where it is as quick as looking at a clock, one run in `EVERY` is timed, and stands for the others.
    """
    left = weight = 1  # runs until the next one that is timed; what that one stands for

    def call(value: Given) -> Made:
        nonlocal left, weight
        left -= 1
        if left:
            return function(value)
        began = clock()
        try:
            return function(value)
        finally:
            took = clock() - began
            spent.seconds += took * weight
            spent.count += weight
            left = weight = EVERY if took < QUICK else 1

    return call


def watched_async(
    function: Callable[[Given], Awaitable[Made]], spent: Spent, clock: Callable[[], float] = perf_counter
) -> Callable[[Given], Awaitable[Made]]:
    """Note what an `async def` function takes to its end, as `watched` does."""
    since, every = 0, 1  # runs since the last one that was timed; those of which one is

    def call(value: Given) -> Awaitable[Made]:
        nonlocal since
        since += 1
        if since < every:
            return function(value)
        weight, since = since, 0
        return measured(value, weight)

    async def measured(value: Given, weight: int) -> Made:
        nonlocal every
        began = clock()
        try:
            return await function(value)
        finally:
            took = clock() - began
            spent.seconds += took * weight
            spent.count += weight
            every = EVERY if took < QUICK else 1

    return call


def watched_beside(function: Callable[[Given], Made], spent: Spent) -> Callable[[Given], Made]:
    """Note what *function* takes; it may run on several threads at once."""
    lock = threading.Lock()

    def call(value: Given) -> Made:
        began = perf_counter()
        try:
            return function(value)
        finally:
            seconds = perf_counter() - began
            with lock:
                spent.seconds += seconds
                spent.count += 1

    return call
