"""Add up what several workers counted, also what those had counted that are gone.

In: the figures of each worker, as plain lists that came as JSON. Out: their sum, in the same form. What only grows is
kept when its worker ends, so no sum falls that was once told. Pure; nothing here knows Prometheus.
Source: the metric types of OpenMetrics 1.0, section 5.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

KEPT = 50_000  # series of workers that are gone; of more, those that were counted first are forgotten
GROWING = frozenset({"counter", "histogram", "summary"})
CREATED = "_created"  # ends the name of a sample that says since when a series counts
PLACE, OTHER = "worker", "ekiben_worker"  # labels for the worker's place; the second where the first is taken

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]


class Rule(StrEnum):
    """How the samples of several workers become one."""

    SUM = "sum"
    MAX = "max"
    EACH = "each"  # they stay apart, with the worker's place as a label


@dataclass(slots=True)
class Family:
    """The samples of one metric.

    `rule` is for what does not grow; counters, histograms and summaries are always summed.
    """

    name: str
    kind: str  # in OpenMetrics' words
    words: str
    rule: Rule
    samples: dict[Key, float] = field(default_factory=dict)

    def plain(self) -> list[Any]:
        """Give it as JSON can hold it."""
        samples = [[name, dict(labels), value] for (name, labels), value in self.samples.items()]
        return [self.name, self.kind, self.words, str(self.rule), samples]

    def rule_of(self, key: Key) -> str:
        """Say how a sample meets its like from another worker."""
        name, labels = key
        if self.kind not in GROWING:
            return self.rule
        if name.endswith(CREATED):
            return "min"
        return Rule.EACH if any(label == "quantile" for label, _ in labels) else Rule.SUM

    def edges(self) -> set[str]:
        """Give the upper bounds of its buckets."""
        return {value for _, labels in self.samples for label, value in labels if label == "le"}

    def add(self, other: "Family", place: str) -> None:
        """Take in the samples of another worker, whose place is *place*."""
        for key, value in other.samples.items():
            match self.rule_of(key):
                case Rule.EACH:
                    self.samples[placed(key, place)] = value
                case Rule.SUM:
                    self.samples[key] = self.samples.get(key, 0) + value
                case Rule.MAX:
                    self.samples[key] = max(self.samples.get(key, -math.inf), value)
                case _:
                    self.samples[key] = min(self.samples.get(key, math.inf), value)

    def lasting(self) -> "Family":
        """Give what stays true when its worker is gone."""
        is_growing = self.kind in GROWING
        kept = {
            key: value
            for key, value in self.samples.items()
            if self.rule_of(key) != Rule.EACH and (is_growing or self.rule is Rule.MAX)
        }
        return Family(self.name, self.kind, self.words, self.rule, kept)


Families = dict[str, Family]


def read(given: Any) -> Families:
    """Read what `Family.plain` wrote.

    Raises:
        ValueError: it is something else.
    """
    found: Families = {}
    try:
        for name, kind, words, rule, samples in given:
            family = found[name] = Family(str(name), str(kind), str(words), Rule(rule))
            for sample, labels, value in samples:
                if type(value) not in (int, float):
                    raise ValueError(f"a sample must be a number: {value!r}")
                family.samples[str(sample), tuple((str(key), str(each)) for key, each in labels.items())] = value
    except (TypeError, AttributeError) as error:
        raise ValueError(f"figures must be a list of families: {error}") from error
    return found


def placed(key: Key, place: str) -> Key:
    """Give a sample the label of its worker's place."""
    name, labels = key
    return name, (*labels, (OTHER if any(label == PLACE for label, _ in labels) else PLACE, place))


def merge(into: Families, more: Families, place: str = "") -> None:
    """Add the figures of one worker.

    A metric that has another type or other buckets than before, as after a reload, begins anew.
    """
    for name, family in more.items():
        known = into.get(name)
        if known is None or known.kind != family.kind or known.edges() != family.edges() != set():
            known = into[name] = Family(name, family.kind, family.words, family.rule)
        known.add(family, place)


class Totals:
    """What all workers of a group have counted, those that are gone included."""

    def __init__(self) -> None:
        self._gone: Families = {}
        self._known: dict[Hashable, tuple[int, str, Families]] = {}  # by worker, the oldest first

    def take(self, worker: Hashable, place: str, told: Mapping[str, Any]) -> None:
        """Note what a worker says; what it said before something newer is passed over.

        Args:
            worker: who it is.
            place: its place in the group, for what stays apart.
            told: `number`, which grows with each time, and `families`.

        Raises:
            ValueError: it says something else.
        """
        number = told.get("number")
        if type(number) is not int:
            raise ValueError(f"figures must have a number: {number!r}")
        if worker not in self._known or self._known[worker][0] < number:
            self._known[worker] = number, place, read(told.get("families"))

    def end(self, worker: Hashable) -> None:
        """Keep what lasts of a worker that is gone."""
        if worker not in self._known:
            return
        _, _, families = self._known.pop(worker)
        merge(self._gone, {name: family.lasting() for name, family in families.items()})
        self._forget(sum(len(family.samples) for family in self._gone.values()) - KEPT)

    def families(self) -> list[Any]:
        """Give the sum, as JSON can hold it."""
        found: Families = {}
        merge(found, self._gone)
        for _, place, families in self._known.values():
            merge(found, families, place)
        return [family.plain() for family in found.values() if family.samples]

    def _forget(self, spare: int) -> None:
        """Drop at least so many samples of the gone, those of a histogram together."""
        for family in self._gone.values():
            while spare > 0 and family.samples:
                first = bare(next(iter(family.samples)))
                dropped = [key for key in family.samples if bare(key) == first]
                for key in dropped:
                    del family.samples[key]
                spare -= len(dropped)


def bare(key: Key) -> Labels:
    """Give the labels of a series, without those that tell its samples apart."""
    return tuple(label for label in key[1] if label[0] not in ("le", "quantile"))
