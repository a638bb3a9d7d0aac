"""Put what was measured into rows, and say one thing to do about it.

In: plain numbers. Out: rows, a sentence. Pure: every rule is tested with plain numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BUSY = 0.7  # of a core, or of the machine; beyond it, what is busy sets the limit
FULL = 0.9  # of the machine
CLIENT_BUSY = 0.9
FEW = 3  # times as many callers as a batch has items: something keeps batches small
RISES = 1.15  # a throughput that grows by more with twice the load has not met its limit


@dataclass(frozen=True, slots=True)
class Row:
    """One step of the load."""

    concurrency: int  # connections
    rate: float | None  # requests a second that were asked for; None: closed loop
    seconds: float
    throughput: float  # answers a second
    p50: float  # seconds, as the next two
    p95: float
    p99: float
    answers: int
    errors: Mapping[str, int] = field(default_factory=dict)  # statuses from 400 on, and what else failed
    unsent: int = 0  # requests of an open loop for which no connection was ever free
    batch: float | None = None  # items of a batch, on average
    model: float | None = None  # share of the time in which the model ran
    server_cpu: float | None = None  # cores
    busiest: float | None = None  # cores of the server's busiest process
    client_cpu: float = 0.0  # cores
    clients: int = 1  # processes
    machine: float | None = None  # share of this machine's CPUs that was in use
    others: float = 0.0  # cores that other programs used

    def to_json(self) -> dict[str, Any]:
        """Give plain data, times in milliseconds."""
        return {
            "concurrency": self.concurrency,
            "rate": self.rate,
            "seconds": round(self.seconds, 3),
            "requests_per_second": round(self.throughput, 2),
            "p50_ms": round(self.p50 * 1000, 4),
            "p95_ms": round(self.p95 * 1000, 4),
            "p99_ms": round(self.p99 * 1000, 4),
            "answers": self.answers,
            "errors": dict(self.errors),
            "unsent": self.unsent,
            "mean_batch": rounded(self.batch),
            "model_share": rounded(self.model),
            "server_cores": rounded(self.server_cpu),
            "client_cores": rounded(self.client_cpu),
            "other_cores": rounded(self.others),
        }


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the service and the machine."""

    cpus: int
    processes: int | None = None  # of the server; None where it is elsewhere
    batches: bool = False


def rounded(value: float | None) -> float | None:
    """Give three digits."""
    return None if value is None else round(value, 3)


def advise(rows: Sequence[Row], facts: Facts) -> str:
    """Say the one thing that is most worth doing.

    Args:
        rows: in the order in which they were measured.
        facts: of service and machine.

    Returns:
        A sentence.
    """
    measured = [row for row in rows if row.answers]
    if not measured:
        return "nothing was answered: look at the server's log"
    best = max(measured, key=lambda row: row.throughput)
    return of_errors(measured) or of_others(best) or of_load(measured, best) or of_server(best, facts)


def of_errors(rows: Sequence[Row]) -> str | None:
    """Advise on answers that were errors."""
    worst = max(rows, key=lambda row: sum(row.errors.values()) / row.answers)
    failed = sum(worst.errors.values())
    if failed <= worst.answers * 0.01:
        return None
    kind = max(worst.errors, key=lambda name: worst.errors[name])
    told = f"{failed / max(1, worst.answers):.0%} of the requests at concurrency {worst.concurrency} failed ({kind})"
    if kind == "429":
        return f"{told}: raise `traffic.max_concurrency`, or send less"
    if kind == "503":
        return f"{told}: the queue is too long; send less, or add workers"
    if kind == "504":
        return f"{told}: raise `traffic.timeout`, or send less"
    return f"{told}: look at the server's log"


def of_others(best: Row) -> str | None:
    """Advise on a machine that had other work, too."""
    if best.machine is None or best.machine < FULL or best.others < 0.25:
        return None
    return f"other programs used {best.others:.1f} CPUs meanwhile, and none was left: measure again on a quiet machine"


def of_load(rows: Sequence[Row], best: Row) -> str | None:
    """Advise on a load that is not one."""
    if best.client_cpu >= CLIENT_BUSY * best.clients:
        return f"the load itself was at its limit: try `--clients {best.clients * 2}`, from another machine if need be"
    if best.rate is not None:
        if best.unsent or best.throughput < best.rate * 0.95:
            return f"{best.rate:g} requests a second are more than it answers: {best.throughput:.0f} is its limit here"
        late = f"{best.p99 * 1000:.3g} ms"
        return f"it keeps up with {best.rate:g} requests a second, at a p99 of {late}: try a higher `--rate`"
    closed = [row for row in rows if row.rate is None]
    if best is closed[-1] and len(closed) > 1 and best.throughput > RISES * closed[-2].throughput:
        return f"the limit is not reached yet: try `--concurrency {best.concurrency * 4}`"
    return None


def of_server(best: Row, facts: Facts) -> str:
    """Advise on what keeps the server from more."""
    at = f"{best.throughput:.0f} requests a second at concurrency {best.concurrency}"
    if best.server_cpu is None or best.busiest is None:
        return f"{at} is the most; where the server runs here its CPU is shown, too"
    is_model = best.model is not None and best.model >= 0.7
    if best.server_cpu + best.client_cpu >= FULL * facts.cpus:
        what = "the model takes most of it" if is_model else "less work per request or more machines would help"
        return f"{at} is the most that {facts.cpus} CPUs give: {what}"
    if best.busiest < BUSY:
        return (
            f"{at}, and the server mostly waits: if its methods wait for others, make them `async def`, "
            "or let more run at once by `threads`"
        )
    if not facts.batches and best.model is not None and best.model < 0.3:
        return f"{at}, and one process is busy with HTTP, not with the method: `workers={facts.cpus}`"
    if not facts.batches:
        return (
            f"{at}, and one process is at its limit: `batchable=True` if the method can take many items at once, "
            f"else `workers={facts.cpus}`"
        )
    if is_model and best.batch is not None and best.concurrency >= FEW * best.batch:
        return f"{at}, and batches hold {best.batch:.0f} items while more wait: raise `max_batch_size`"
    if is_model:
        return f"{at}, and the model keeps one process busy: `workers={facts.cpus}`"
    return f'{at}, and one process is busy with HTTP: `layout="apart"` gives the model a process of its own'
