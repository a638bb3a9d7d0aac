"""Let whoever runs a service say how its calls are joined.

Its code need not be touched.

In: the option `batching`. Out: the same service, whose endpoints that batch do so by these numbers, or not at all.
An endpoint that its code does not let batch never does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from ekiben.core.spec import BatchSpec, BoundService
from ekiben.services.checks import block, flag, number, whole


class Batching(TypedDict, total=False):
    """`batching`: how calls are joined, over what the endpoints say."""

    enabled: bool
    max_batch_size: int | None  # items
    max_latency_ms: float | None


@dataclass(frozen=True, slots=True)
class Joining:
    """What is said of batches over the endpoints' own words."""

    enabled: bool = True
    max_size: int | None = None  # items
    max_latency: float | None = None  # seconds


def read_batching(batching: Any) -> Joining:
    """Check `batching={"max_batch_size": 32}`; raises ConfigError."""
    given = block(batching, "batching", ("enabled", "max_batch_size", "max_latency_ms"))
    size, latency = given.get("max_batch_size"), given.get("max_latency_ms")
    return Joining(
        enabled=flag(given.get("enabled", True), "batching.enabled"),
        max_size=None if size is None else whole(size, "batching.max_batch_size", "items"),
        max_latency=None
        if latency is None
        else number(latency, "batching.max_latency_ms", "milliseconds", example=1000) / 1000,
    )


def join_by(bound: BoundService, joining: Joining) -> BoundService:
    """Give the service whose endpoints batch as *joining* says.

    That stands over what their code says.
    """
    own: Mapping[str, BatchSpec | None] = bound.batches or {each.name: each.batch for each in bound.spec.endpoints}
    if joining == Joining() and not bound.batches:
        return bound
    changed = tuple(replace(each, batch=joined(own.get(each.name), joining)) for each in bound.spec.endpoints)
    return replace(bound, spec=replace(bound.spec, endpoints=changed), batches=own)


def joined(batch: BatchSpec | None, joining: Joining) -> BatchSpec | None:
    """Give the rule of one endpoint."""
    if batch is None or not joining.enabled:
        return None
    return replace(
        batch,
        max_size=batch.max_size if joining.max_size is None else joining.max_size,
        max_latency=batch.max_latency if joining.max_latency is None else joining.max_latency,
    )
