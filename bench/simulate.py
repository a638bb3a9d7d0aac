"""Draw what a rule of batching does to throughput and latency, without a server: a discrete-event simulation.

In: a model that costs a + b·n seconds for n rows, and calls of one row, in an open loop (Poisson) or a closed one (each
client asks again after a round trip). Out: answers per second, p50 and p99 for four rules, as tables and as a picture.
`python bench/simulate.py --plot docs/batching.png` takes half a minute. Only waiting is simulated: what a framework
spends on a call is not, nor are turns of an event loop.

Our rule is the code that runs: `ekiben.batching.Adaptive`. BentoML's dispatcher is written down here from a description
of its behaviour: a tick of 1 ms, the inequality that it waits by, its cost model from the last 50 batches, and what it
drops. Its training is taken as done: it starts with the true a and b. Its code was not read.
"""

import argparse
import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ekiben.batching import Adaptive, BatchSpec, Moment

SPEC = BatchSpec(max_size=64, max_latency=1.0)
TICK = 0.001  # seconds, of BentoML's dispatcher


@dataclass(frozen=True)
class Model:
    """What a run costs."""

    name: str
    fixed: float  # seconds
    each: float  # seconds a row

    def cost(self, rows: int) -> float:
        return self.fixed + self.each * rows

    @property
    def capacity(self) -> float:
        """Rows a second, in full batches."""
        return SPEC.max_size / self.cost(SPEC.max_size)


MODELS = (
    Model("forest: 10 ms + 0.02 ms a row", 0.010, 0.00002),
    Model("network: 1 ms + 0.05 ms a row", 0.001, 0.00005),
)


@dataclass
class State:
    """What a rule sees when the worker is free."""

    now: float
    waiting: deque[float]  # arrivals
    latest: float = 0.0  # arrival
    went: float = -math.inf  # when the last answers went
    answered: int = 0
    came: int = 0  # since then


class Rule(Protocol):
    """Says when the next batch leaves."""

    def pause(self, state: State) -> float:
        """Give seconds until it leaves or asks again; 0.0: now. Nothing may wait."""

    def drop(self, state: State) -> int:
        """Say how many of the oldest calls are refused now."""

    def observe(self, rows: int, seconds: float, waits: Sequence[float]) -> None:
        """Learn from a batch that ran."""


class Window:
    """A batch leaves when it is full or its oldest call has waited long enough."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def pause(self, state: State) -> float:
        if not state.waiting:
            return math.inf
        left = state.waiting[0] + self._seconds - state.now
        return 0.0 if len(state.waiting) >= SPEC.max_size or left < 1e-9 else left

    def drop(self, state: State) -> int:
        return sum(1 for arrival in state.waiting if state.now - arrival > SPEC.max_latency)

    def observe(self, rows: int, seconds: float, waits: Sequence[float]) -> None: ...


class Ours:
    """`Adaptive`, asked as `ekiben.engine.hold` asks it."""

    def __init__(self) -> None:
        self.policy = Adaptive()
        self._until = self._of = -math.inf
        self._asked = False

    def pause(self, state: State) -> float:
        held = min(SPEC.max_size, len(state.waiting))
        missing = max(0, state.answered - state.came)
        if state.went != self._of:
            self._of, self._asked, self._until = state.went, False, math.inf
        is_over = held >= SPEC.max_size or not missing or (state.answered == 1 and held <= 1)
        if not is_over and (not self._asked or state.now >= self._until - 1e-9):
            is_over = self._asked and not held
            oldest = state.now - state.waiting[0] if held else 0.0
            moment = Moment(held, oldest, state.now - max(state.latest, state.went), state.now - state.went, missing)
            pause = 0.0 if is_over else self.policy.wait(moment, SPEC)
            self._asked, self._until = True, state.now + pause
            is_over = pause <= 0.0
        if not is_over and state.now < self._until:
            return self._until - state.now
        self._until = -math.inf
        return 0.0 if held else math.inf

    def drop(self, state: State) -> int:
        cost = self.policy.expect(min(SPEC.max_size, len(state.waiting)))
        late = 0
        for arrival in state.waiting:
            if state.now - arrival + cost <= SPEC.max_latency:
                break
            late += 1
        return late

    def observe(self, rows: int, seconds: float, waits: Sequence[float]) -> None:
        self.policy.observe(rows, seconds)

    def welcome(self, answered: int, returned: int) -> None:
        self.policy.welcome(answered, returned)


class Bentoml:
    """BentoML's dispatcher, from its description: duration = slope·n + base, learned from the last 50 batches."""

    def __init__(self, model: Model) -> None:
        self.slope, self.base = model.each, model.fixed
        self._samples: deque[tuple[int, float]] = deque(maxlen=50)
        self._waits: deque[float] = deque(maxlen=50)
        self._learned = self._clock = 0.0

    def pause(self, state: State) -> float:
        self._clock = state.now
        if not state.waiting:
            return math.inf
        to_tick = TICK - math.fmod(state.now, TICK)
        if 1e-9 < to_tick < TICK - 1e-9:
            return to_tick
        count = len(state.waiting)
        mean = sum(self._waits) / len(self._waits) if self._waits else 0.0
        newest = state.now - state.waiting[-1]
        if count >= SPEC.max_size or count * (newest + TICK + self.slope) > 0.95 * mean:
            return 0.0
        return TICK

    def drop(self, state: State) -> int:
        count, late = len(state.waiting), 0
        for arrival in state.waiting:
            if count - late <= 1 or state.now - arrival + self.slope * (count - late) + self.base < SPEC.max_latency:
                break
            late += 1
        return late

    def observe(self, rows: int, seconds: float, waits: Sequence[float]) -> None:
        self._waits.append(sum(waits) / len(waits))
        self._samples.append((rows, seconds))
        if self._clock - self._learned >= 5.0:
            self._learned = self._clock
            self.fit()

    def fit(self) -> None:
        """Fit a line through the samples."""
        count = len(self._samples)
        rows, seconds = (sum(sample[index] for sample in self._samples) / count for index in (0, 1))
        spread = sum((sample[0] - rows) ** 2 for sample in self._samples)
        if spread:  # else every line through the one point fits, and the last one is kept
            self.slope = max(0.0, sum((n - rows) * (t - seconds) for n, t in self._samples) / spread)
            self.base = max(0.0, seconds - self.slope * rows)


RULES: dict[str, Callable[[Model], Rule]] = {
    "Ekiben": lambda model: Ours(),
    "BentoML (as described)": Bentoml,
    "window of 1 ms": lambda model: Window(0.001),
    "window of 10 ms": lambda model: Window(0.010),
}


@dataclass
class Outcome:
    """What came out, without the first part of the run."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    batches: int = 0

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def mean_batch(self) -> float:
        return len(self.latencies) / max(1, self.batches)

    def percentile(self, share: float) -> float:
        """Give a percentile of the latencies, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def poisson(rate: float, seed: int = 1) -> Iterator[float]:
    """Give the arrivals of an open loop."""
    draw, now = random.Random(seed), 0.0
    while True:
        now += draw.expovariate(rate)
        yield now


class Arrivals:
    """Calls to come: an endless stream of them, or clients that come back."""

    def __init__(self, stream: Iterator[float] | None = None, clients: int = 0, trip: float = 0.0) -> None:
        self._stream = stream
        self._trip = trip
        self._draw = random.Random(2)
        self._next = [self._draw.random() * 0.01 for _ in range(clients)] if stream is None else [next(stream)]
        heapq.heapify(self._next)

    def peek(self) -> float:
        return self._next[0] if self._next else math.inf

    def pop(self) -> float:
        if self._stream is None:
            return heapq.heappop(self._next)
        return heapq.heapreplace(self._next, next(self._stream))

    def answered(self, now: float, count: int) -> None:
        """Let clients that were answered come back after a round trip, which varies by a half."""
        if self._stream is None:
            for _ in range(count):
                heapq.heappush(self._next, now + self._trip * (0.75 + 0.5 * self._draw.random()))


def simulate(model: Model, rule: Rule, arrivals: Arrivals, seconds: float, warm_up: float) -> Outcome:
    """Run one worker by *rule*."""
    outcome, state, soon = Outcome(seconds - warm_up), State(0.0, deque()), (0, 0.0)
    returned = 0
    while state.now < seconds:
        late = rule.drop(state)
        for _ in range(late):
            state.waiting.popleft()
        if late:
            outcome.refused += late if state.now > warm_up else 0
            arrivals.answered(state.now, late)
        pause = rule.pause(state)
        if pause > 0.0:
            state.now = min(state.now + pause, max(state.now, arrivals.peek()))
        else:
            if isinstance(rule, Ours) and state.answered:
                rule.welcome(state.answered, returned)
            batch = [state.waiting.popleft() for _ in range(min(SPEC.max_size, len(state.waiting)))]
            began, took = state.now, model.cost(len(batch))
            rule.observe(len(batch), took, [began - arrival for arrival in batch])
            end = began + took
            while arrivals.peek() <= end:
                state.latest = arrivals.pop()
                state.waiting.append(state.latest)
            state.now = state.went = end
            state.answered, state.came, returned, soon = len(batch), 0, 0, (len(batch), end + took / 4)
            arrivals.answered(end, len(batch))
            if began > warm_up:
                outcome.latencies += [end - arrival for arrival in batch]
                outcome.batches += 1
        while arrivals.peek() <= state.now:
            state.latest = arrivals.pop()
            state.waiting.append(state.latest)
            state.came += 1
            returned += state.latest <= soon[1]
    return outcome


def open_loop(seconds: float, loads: Sequence[float]) -> Iterator[tuple[Model, str, float, Outcome]]:
    """Give the outcome of each model, rule and load, as a share of what full batches could do."""
    for model in MODELS:
        for name, rule in RULES.items():
            for load in loads:
                arrivals = Arrivals(poisson(load * model.capacity))
                yield model, name, load, simulate(model, rule(model), arrivals, seconds, seconds * 0.7)


def closed_loop(seconds: float, clients: Sequence[int]) -> Iterator[tuple[Model, str, int, Outcome]]:
    """Give the outcome of each model, rule and number of clients, with round trips of 0.5 ms."""
    for model in MODELS:
        for name, rule in RULES.items():
            for count in clients:
                yield (
                    model,
                    name,
                    count,
                    simulate(model, rule(model), Arrivals(None, count, 0.0005), seconds, seconds * 0.7),
                )


def table(rows: Sequence[tuple[Model, str, float, Outcome]], unit: Callable[[float], str]) -> str:
    """Write rows as Markdown: for each load, throughput, p50, p99, refused."""
    lines = []
    for model in MODELS:
        loads = sorted({load for found, _, load, _ in rows if found is model})
        lines += ["", f"{model.name} ({model.capacity:,.0f} rows/s in full batches)", ""]
        lines += ["| rule | " + " | ".join(unit(load) for load in loads) + " |", "|---" * (len(loads) + 1) + "|"]
        for name in RULES:
            cells = [shown(outcome) for found, rule, _, outcome in rows if found is model and rule == name]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(outcome: Outcome) -> str:
    """Write one outcome."""
    asked = len(outcome.latencies) + outcome.refused
    refused = f", {outcome.refused / asked:.0%} refused" if asked and outcome.refused / asked >= 0.005 else ""
    return (
        f"{outcome.rate:,.0f}/s, {outcome.percentile(0.5) * 1e3:.1f} / {outcome.percentile(0.99) * 1e3:.1f} ms{refused}"
    )


def plot(path: Path, rows: Sequence[tuple[Model, str, float, Outcome]]) -> None:
    """Draw throughput, p50 and p99 against the load of an open loop."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(MODELS), 3, figsize=(10, 5.4), layout="constrained")
    for line, model in zip(axes, MODELS, strict=True):
        for name in RULES:
            found = [(load, outcome) for each, rule, load, outcome in rows if each is model and rule == name]
            loads = [load for load, _ in found]
            line[0].plot(loads, [outcome.rate / model.capacity for _, outcome in found], marker=".", label=name)
            line[1].plot(loads, [outcome.percentile(0.5) * 1e3 for _, outcome in found], marker=".")
            line[2].plot(loads, [outcome.percentile(0.99) * 1e3 for _, outcome in found], marker=".")
        for axis, title in zip(line, ("answered", "p50, ms", "p99, ms"), strict=True):
            axis.set_title(f"{model.name.partition(':')[0]}: {title}", fontsize=9)
            axis.grid(alpha=0.3)
        line[1].set_yscale("log")
        line[2].set_yscale("log")
    for axis in axes[-1]:
        axis.set_xlabel("load, as a share of full batches", fontsize=8)
    axes[0][0].legend(fontsize=7)
    figure.savefig(path, dpi=80)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=16.0, help="simulated; seven tenths of them warm up")
    parser.add_argument("--plot", type=Path, help="where to write the picture")
    given = parser.parse_args()
    rows = list(open_loop(given.seconds, (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.2)))
    print(
        "Open loop: answers per second, p50 / p99",
        table([row for row in rows if row[2] in (0.05, 0.4, 0.8, 1.2)], "{:.0%}".format),
    )
    closed = list(closed_loop(given.seconds, (1, 4, 64, 128)))
    print("\nClosed loop, by clients", table(closed, "{:g}".format))
    if given.plot is not None:
        plot(given.plot, rows)


if __name__ == "__main__":
    main()
