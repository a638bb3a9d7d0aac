"""Count requests, and show the counts beside the user's own metrics.

In: finished exchanges. Out: the text of `/metrics`. Labels are the routes of the service, never what a client sent.
Counting is adding to plain numbers on the event loop; the metric objects are made when somebody looks.
Source: the Prometheus exposition formats; prometheus_client's custom collectors.
"""

import re
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder

from ekiben.core.spec import MetricsSpec, ServiceSpec, named
from ekiben.engine.observe import BOUNDS, WAITS, BatchCounts, TaskCounts
from ekiben.engine.timing import CodecTimes, Spent

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
METHOD = ("method_name", "service_name", "service_version")  # labels of what is counted behind the routes
NO_NAME = re.compile(r"[^A-Za-z0-9_:]")  # what names of metrics have not
UNKNOWN = "(unknown)"  # the label of every path that there is not


Everywhere = Callable[[str, Collection[str] | None], Awaitable[tuple[bytes, str]]]  # renders those of all workers


class Answers:
    """The answers of one route with one status."""

    __slots__ = ("buckets", "count", "seconds")

    def __init__(self, buckets: int) -> None:
        self.count = 0
        self.seconds = 0.0
        self.buckets = [0] * buckets


class Tally:
    """What happened on one route."""

    __slots__ = ("_bounds", "answers", "inside", "last")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.answers: dict[int, Answers] = {}
        self.inside = 0
        self.last = 0.0  # of time.perf_counter; 0: nothing yet

    def note(self, status: int, seconds: float, now: float) -> None:
        """Add one request that finished *now* (of time.perf_counter)."""
        found = self.answers.get(status)
        if found is None:
            found = self.answers[status] = Answers(len(self._bounds) + 1)
        found.count += 1
        found.seconds += seconds
        found.buckets[bisect_left(self._bounds, seconds)] += 1
        self.last = now


@dataclass(frozen=True, slots=True)
class Inner:
    """What is counted behind the routes, by endpoint."""

    batches: Mapping[str, BatchCounts] = field(default_factory=dict)  # of those that batch
    codecs: Mapping[str, CodecTimes] = field(default_factory=dict)
    methods: Mapping[str, Spent] = field(default_factory=dict)  # of those that do not
    waiting: Callable[[], int] | None = None  # calls that wait for a model thread
    tasks: TaskCounts | None = None


class Shown:
    """What is scraped: a registry of ours, and what the user registered.

    Args:
        prefix: of the names.
        services: that are counted, by name and version.
        labels: with their values, beside those of each metric (`Style.metrics_labels`).
    """

    def __init__(
        self, prefix: str, services: Sequence[tuple[str, str]], labels: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.prefix = prefix
        self.services = services
        self.labels = labels
        self.everywhere: Everywhere | None = None
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Give the metrics as prometheus_client knows them."""
        raise TypeError(f"{type(self).__name__} collects nothing")

    def render(self, accept: str, of: Collection[str] | None = None) -> tuple[bytes, str]:
        """Give the text and its media type: ours, then what the user registered.

        Args:
            accept: what the scraper reads.
            of: services of which alone it is told; None is all, and what the user registered.
        """
        encode, media = choose_encoder(accept)
        return encode(Given(only(Both((self.registry, REGISTRY)).collect(), of))), media

    def labelled(self, metrics: Iterable[Metric]) -> Iterable[Metric]:
        """Put the labels of the style to metrics of ours."""
        for metric in metrics if self.labels else ():
            for sample in metric.samples:
                name = sample.labels.get("service_name", "")
                sample.labels.update({label: named(value, name) for label, value in self.labels})
        return metrics


class Metrics(Shown):
    """The counts of one app, in a registry of its own.

    Args:
        spec: the service.
        inner: what is counted behind the routes.
    """

    def __init__(self, spec: ServiceSpec, inner: Inner = Inner()) -> None:
        self._inner = inner
        settings: MetricsSpec = spec.http.metrics
        prefix = NO_NAME.sub("_", named(settings.namespace or spec.style.metrics_prefix, spec.name))
        super().__init__(prefix, [(spec.name, spec.version or "")], spec.style.metrics_labels)
        self._bounds = settings.buckets or BUCKETS
        self.service = self.services[0]
        self._tallies: dict[str, Tally] = {}

    def tally(self, route: str) -> Tally:
        """Give the counts of *route*, made on first use."""
        return self._tallies.setdefault(route, Tally(self._bounds))

    def collect(self) -> Iterator[Metric]:
        """Give the metrics as prometheus_client knows them."""
        yield from self.labelled([*self._of_routes(), *self._behind()])

    def _of_routes(self) -> Iterator[Metric]:
        """Give what is counted of requests."""
        labels = ["endpoint", "service_name", "service_version"]
        coded = [*labels, "http_response_code"]
        total = CounterMetricFamily(f"{self.prefix}_request", "Requests that were answered.", labels=coded)
        duration = HistogramMetricFamily(
            f"{self.prefix}_request_duration_seconds", "From a request's head to the end of its answer.", labels=coded
        )
        inside = GaugeMetricFamily(f"{self.prefix}_request_in_progress", "Requests that are inside.", labels=labels)
        last = GaugeMetricFamily(
            f"{self.prefix}_last_request_timestamp_seconds", "When the last answer ended (Unix time).", labels=labels
        )
        edges = [*(format(bound, "g") for bound in self._bounds), "+Inf"]
        for route, tally in self._tallies.items():
            place = [route, *self.service]
            inside.add_metric(place, tally.inside)
            if tally.last:
                last.add_metric(place, time.time() - time.perf_counter() + tally.last)
            for status, found in tally.answers.items():
                values = [*place, str(status)]
                total.add_metric(values, found.count)
                duration.add_metric(values, list(zip(edges, accumulate(found.buckets), strict=True)), found.seconds)
        yield from (total, duration, inside, last)

    def _behind(self) -> Iterator[Metric]:
        """Give what is counted behind the routes, as far as there is any."""
        inner = self._inner
        if inner.waiting is not None:
            depth = GaugeMetricFamily(
                f"{self.prefix}_queue_depth",
                "Calls that wait for the model.",
                labels=["service_name", "service_version"],
            )
            depth.add_metric(self.service, inner.waiting())
            yield depth
        if inner.tasks is not None:
            yield from self._tasks(inner.tasks)
        if inner.codecs:
            read = {name: times.decode for name, times in inner.codecs.items()}
            yield self._spent("decode_seconds", "Reading and checking the arguments of a call.", read)
            written = {name: times.encode for name, times in inner.codecs.items()}
            yield self._spent("encode_seconds", "Writing the answer of a call.", written)
        if inner.batches:
            yield self._batch_sizes()
            yield self._batch_waits()
        run = {name: Spent(counts.batches, counts.seconds) for name, counts in inner.batches.items()} | dict(
            inner.methods
        )
        if run:
            yield self._spent("model_seconds", "Running the method, on one call or one batch.", run)

    def _tasks(self, counts: TaskCounts) -> Iterator[Metric]:
        """Give the tasks that ended, and those that run."""
        labels = ["method_name", "service_name", "service_version"]
        ended = CounterMetricFamily(f"{self.prefix}_task", "Tasks that ended here.", labels=[*labels, "state"])
        for (name, state), count in counts.ended.items():
            ended.add_metric([name, *self.service, state], count)
        running = GaugeMetricFamily(f"{self.prefix}_task_in_progress", "Tasks that run here.", labels=labels)
        for name, count in counts.running.items():
            running.add_metric([name, *self.service], count)
        yield from (ended, running)

    def _spent(self, name: str, words: str, spent: Mapping[str, Spent]) -> Metric:
        """Give how often something was done and how long that took, by method."""
        found = SummaryMetricFamily(f"{self.prefix}_{name}", words, labels=METHOD)
        for method, each in spent.items():
            found.add_metric([method, *self.service], each.count, each.seconds)
        return found

    def _batch_sizes(self) -> Metric:
        """Give the sizes of batches."""
        sizes = HistogramMetricFamily(f"{self.prefix}_adaptive_batch_size", "Items of one batch.", labels=METHOD)
        edges = [*map(str, BOUNDS), "+Inf"]
        for name, counts in self._inner.batches.items():
            buckets = list(zip(edges, accumulate(counts.sizes), strict=True))
            sizes.add_metric([name, *self.service], buckets, counts.items)
        return sizes

    def _batch_waits(self) -> Metric:
        """Give how long calls waited for their batch."""
        found = HistogramMetricFamily(
            f"{self.prefix}_batch_wait_seconds", "From a call's arrival to its batch.", labels=METHOD
        )
        edges = [*(format(bound, "g") for bound in WAITS), "+Inf"]
        for name, counts in self._inner.batches.items():
            buckets = list(zip(edges, accumulate(counts.waits), strict=True))
            found.add_metric([name, *self.service], buckets, counts.waited)
        return found


class Together(Shown):
    """The counts of several apps, as one.

    Args:
        each: those of the apps, at least one.
    """

    def __init__(self, each: Sequence[Metrics]) -> None:
        super().__init__(each[0].prefix, [one.service for one in each], each[0].labels)
        self._each = each

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of all; what has one name is one metric."""
        found: dict[str, Metric] = {}
        for metric in (metric for one in self._each for metric in one.collect()):
            known = found.setdefault(metric.name, metric)
            if known is not metric:
                known.samples += metric.samples
        yield from found.values()


def only(metrics: Iterable[Metric], of: Collection[str] | None) -> Iterator[Metric]:
    """Leave out what is not of the services *of*; None is all."""
    for metric in metrics:
        if of is None:
            yield metric
            continue
        kept = Metric(metric.name, metric.documentation, metric.type)
        kept.samples = [sample for sample in metric.samples if sample.labels.get("service_name") in of]
        if kept.samples:
            yield kept


class Given:
    """Metrics that are there, as an encoder wants them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._metrics


class Both:
    """Two registries, read as one."""

    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = tuple(registries)

    def collect(self) -> Iterator[Metric]:
        """Give the metrics of each; a name is given once, by the first that has it."""
        seen: set[str] = set()
        for registry in self._registries:
            for metric in registry.collect():
                if metric.name not in seen:
                    seen.add(metric.name)
                    yield metric
