"""Load an endpoint step by step, and give a row for each.

In: a server, a body, steps. Out: rows, as they come. What the server uses is read where it runs on this machine.
"""

import base64
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from ekiben.core.errors import ConfigError
from ekiben.services.load import find_model
from ekiben.services.stored import bind_model
from ekiben.tools.bench import clients, machine, sample
from ekiben.tools.bench.ask import Body, Endpoint, Server
from ekiben.tools.bench.clients import Total
from ekiben.tools.bench.load import Job
from ekiben.tools.bench.report import Facts, Row
from ekiben.tools.bench.served import Target

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done."""

    concurrency: Sequence[int] = (1, 16, 64)  # connections, one step each
    rates: Sequence[float] = ()  # requests a second, one step each, in place of the above; over the most connections
    seconds: float = 5.0
    warm_up: float = 1.0
    clients: int = 1  # processes of the load
    patience: float = 30.0  # seconds for one answer

    def steps(self) -> list[tuple[int, float | None]]:
        """List connections and rates."""
        if self.rates:
            return [(max(self.concurrency), rate) for rate in self.rates]
        return [(each, None) for each in self.concurrency]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was used until a moment."""

    at: float  # of time.monotonic
    cpu: Mapping[int, float]
    counts: Mapping[str, float]
    machine: tuple[float, float]  # of `machine.busy`


def default_clients() -> int:
    """Say how many processes the load gets: half of the CPUs, at most 4."""
    return max(1, min(4, cpus() // 2))


def cpus() -> int:
    """Count the CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def body_of(endpoint: Endpoint, target: str) -> Body:
    """Make a body of the stored sample's first item, or else from the schema.

    A sample is there where *target* is a stored model.

    Raises:
        ConfigError: neither gives one.
    """
    model = find_model(target.removeprefix("model:")) if "/" not in target and not target.endswith(".py") else None
    if model is not None:
        value = bind_model(model).samples.get(endpoint.name)
        if value is not None:
            return Body(orjson.dumps(plain(value), option=orjson.OPT_SERIALIZE_NUMPY))
    if JSON not in endpoint.reads:
        raise ConfigError(
            f"no body can be made for `{endpoint.name}`, which reads {' or '.join(endpoint.reads)}",
            hint="give one by `--body @FILE --content-type TYPE`",
        )
    return Body(orjson.dumps(sample.make(endpoint.schema)))


def plain(value: Any) -> Any:
    """Give the first item of a sample, in a form that JSON has."""
    if hasattr(value, "to_dict"):
        return orjson.loads(value.head(1).to_json(orient="records", date_format="iso"))
    return value[:1] if hasattr(value, "shape") and value.shape else value


def measure(target: Target, server: Server, endpoint: Endpoint, body: Body, plan: Plan,
            progress: Callable[[int, float | None, int], None]) -> Iterator[Row]:  # fmt: skip
    """Load the endpoint, one step after the other.

    Args:
        target: where the server is.
        server: is asked for its counts.
        endpoint: what is loaded.
        body: what is sent.
        plan: the steps.
        progress: is told connections, rate and answers so far.

    Raises:
        KeyboardInterrupt: with the row of the step that was cut short as its only argument, if there is one.
    """
    request = base64.b64encode(server.request(endpoint, body)).decode()
    for connections, rate in plan.steps():
        job = Job(
            target.host, target.port, request, connections, plan.seconds, rate, plan.warm_up, plan.patience,
            target.url.startswith("https:"),
        )  # fmt: skip
        usage: list[Usage] = []  # as the measuring begins, and as it ends
        look = partial(note, usage, target, server, endpoint)
        try:
            total = clients.run(job, plan.clients, partial(progress, connections, rate), look)
        except KeyboardInterrupt as stop:
            look()
            made = row(job, stop.args[0] if stop.args else Total(), usage, plan.clients)
            raise KeyboardInterrupt(made if made.answers else None) from None
        look()
        yield row(job, total, usage, plan.clients)


def note(to: list[Usage], target: Target, server: Server, endpoint: Endpoint) -> None:
    """Look at what the server has used, and keep it."""
    to.append(used(target, server, endpoint))


def used(target: Target, server: Server, endpoint: Endpoint) -> Usage:
    """Look at what the server has used until now."""
    counts = server.counts(endpoint)
    return Usage(time.monotonic(), machine.cpu(machine.family(target.roots())), counts, machine.busy())


def row(job: Job, total: Total, usage: Sequence[Usage], processes: int) -> Row:
    """Make a row of what the processes saw and of what was used meanwhile."""
    outcome, latencies = total.outcome, total.histogram
    seconds = outcome.seconds or 1.0
    errors = {status: count for status, count in outcome.statuses.items() if int(status) >= 400} | outcome.failures
    server_cpu = busiest = batch = model = share = None
    others = 0.0
    if len(usage) == 2:
        before, after = usage
        passed = after.at - before.at
        spent = {pid: (cpu - before.cpu.get(pid, 0.0)) / passed for pid, cpu in after.cpu.items()}
        if spent:
            server_cpu, busiest = sum(spent.values()), max(spent.values())
        more = {name: after.counts[name] - before.counts.get(name, 0.0) for name in after.counts}
        if more.get("_adaptive_batch_size_count"):
            batch = more["_adaptive_batch_size_sum"] / more["_adaptive_batch_size_count"]
        if "_model_seconds_sum" in more:
            model = more["_model_seconds_sum"] / passed
        in_use, at_hand = (late - early for early, late in zip(before.machine, after.machine, strict=True))
        if at_hand:
            share = in_use / at_hand
            others = max(0.0, (in_use - outcome.cpu) / passed - (server_cpu or 0.0))
    return Row(
        concurrency=job.connections,
        rate=job.rate,
        seconds=outcome.seconds,
        throughput=outcome.answers / seconds,
        p50=latencies.quantile(0.5),
        p95=latencies.quantile(0.95),
        p99=latencies.quantile(0.99),
        answers=outcome.answers,
        errors=errors,
        unsent=outcome.unsent,
        batch=batch,
        model=model,
        server_cpu=server_cpu,
        busiest=busiest,
        client_cpu=outcome.cpu / seconds,
        clients=min(processes, job.connections),
        machine=share,
        others=others,
    )


def facts(target: Target, endpoint: Endpoint) -> Facts:
    """Say what advice has to know."""
    processes = len(machine.family(target.roots()))
    return Facts(cpus(), processes or None, endpoint.batches)
