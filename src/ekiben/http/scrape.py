"""Answer a scrape for all workers of a service, whichever of them is asked.

In: the metrics of this worker, and a way to ask the supervisor for everybody's. Out: one text. Between the processes go
plain lists as JSON; exemplars stay behind.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from itertools import count
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from ekiben.core.errors import Unavailable
from ekiben.engine.control import Message
from ekiben.engine.figures import Family, Rule, read
from ekiben.http.metrics import Both, Given, Shown, only

MOST = 100_000  # samples that one worker tells
LATEST = "_timestamp_seconds"  # ends the names of our gauges of which the last counts

Ask = Callable[[], Awaitable[Message]]


class Teller:
    """Tells what one process counted.

    Args:
        own: its counts.
        others: what the user's code registered.
    """

    def __init__(self, own: Shown, others: CollectorRegistry = REGISTRY) -> None:
        self._own = own
        self._others = others
        self._numbers = count()

    def tell(self) -> dict[str, Any]:
        """Give what this worker counted, for the supervisor.

        Raises:
            ValueError: there are more samples than are told.
        """
        ours = {metric.name for metric in self._own.registry.collect()}
        metrics = Both((self._own.registry, self._others)).collect()
        families = [family_of(metric, is_ours=metric.name in ours) for metric in metrics]
        total = sum(len(family.samples) for family in families)
        if total > MOST:
            raise ValueError(f"a worker tells at most {MOST} samples: {total}")
        return {"number": next(self._numbers), "families": [family.plain() for family in families]}


class Scrape(Teller):
    """The metrics of one worker among several.

    Args:
        own: its counts.
        ask: gives what all workers counted; raises Unavailable.
        others: what the user's code registered.
    """

    def __init__(self, own: Shown, ask: Ask, others: CollectorRegistry = REGISTRY) -> None:
        super().__init__(own, others)
        self._ask = ask

    async def render(self, accept: str, of: Collection[str] | None = None) -> tuple[bytes, str]:
        """Give the text and its media type: of all, or without an answer of this one.

        Args:
            accept: what the scraper reads.
            of: services of which alone it is told.
        """
        try:
            found = await self._ask()
            metrics = [*map(metric_of, read(found.get("families")).values()), *self._about(found)]
        except (Unavailable, ValueError) as error:
            text, media = self._own.render(accept, of)
            return (text if "openmetrics" in media else note(str(error)) + text), media
        encode, media = choose_encoder(accept)
        return encode(Given(only(metrics, of))), media

    def _about(self, found: Mapping[str, Any]) -> list[Metric]:
        """Give the metrics of the workers themselves."""
        labels = ["service_name", "service_version"]
        here = [(*each, found.get("restarts", 0), found.get("workers", 0)) for each in self._own.services]
        restarts = CounterMetricFamily(
            f"{self._own.prefix}_worker_restarts", "Workers started in place of one that ended.", labels=labels
        )
        workers = GaugeMetricFamily(f"{self._own.prefix}_workers", "Workers that take calls.", labels=labels)
        for name, version, ended, ready in found.get("services", here):  # a worker alone is one of each of its services
            restarts.add_metric([name, version], int(ended))
            workers.add_metric([name, version], int(ready))
        models = self._about_models(found) if "swaps" in found else ()
        return [*self._own.labelled([restarts, workers, *models])]

    def _about_models(self, found: Mapping[str, Any]) -> list[Metric]:
        """Give the swaps of models, without the version that changes with them."""
        name = ", ".join(name for name, _ in self._own.services)
        swaps = CounterMetricFamily(
            f"{self._own.prefix}_model_swaps",
            "Newer models that were loaded beside the old ones.",
            labels=["service_name", "outcome"],
        )
        for outcome, number in found["swaps"].items():
            swaps.add_metric([name, outcome], int(number))
        in_use = GaugeMetricFamily(
            f"{self._own.prefix}_model_in_use",
            "Models that are watched: 1.",
            labels=["service_name", "model", "version"],
        )
        for model, version in found["models"].items():
            in_use.add_metric([name, model, version], 1)
        return [swaps, in_use]


def gathered(own: Shown, measure: Callable[[Mapping[str, Any]], Awaitable[Message]]) -> Scrape:
    """Make the scrape of a front, which counts beside its workers.

    Args:
        own: its counts.
        measure: is given what it tells, and gives the sum over all processes.
    """

    async def ask() -> Message:
        return await measure(scrape.tell())

    scrape = Scrape(own, ask)
    return scrape


def note(words: str) -> bytes:
    """Write the comment that says whose figures follow."""
    return f"# of this worker alone: {' '.join(words.split())}\n".encode()


def family_of(metric: Metric, *, is_ours: bool) -> Family:
    """Make of a metric what can be added up; gauges that we do not know stay apart."""
    rule = Rule.EACH if not is_ours else Rule.MAX if metric.name.endswith(LATEST) else Rule.SUM
    samples = {(sample.name, tuple(sample.labels.items())): sample.value for sample in metric.samples}
    return Family(metric.name, metric.type, metric.documentation, rule, samples)


def metric_of(family: Family) -> Metric:
    """Make a metric of what was added up."""
    metric = Metric(family.name, family.words, family.kind)
    for (name, labels), value in family.samples.items():
        metric.add_sample(name, dict(labels), value)
    return metric
