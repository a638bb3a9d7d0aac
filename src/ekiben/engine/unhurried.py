"""Run a service as its workers do: time, admission and waiting are the front's.

In: a service. Out: the same without limits, and what stands in place of deadlines and policies, which the front keeps.
"""

from dataclasses import replace

from ekiben.core.spec import BatchSpec, BoundService, EndpointSpec
from ekiben.engine.deadline import Deadlines
from ekiben.engine.messages import Answer, Call
from ekiben.engine.policy import Moment


class Unwatched(Deadlines):
    """Deadlines that the front watches; here a call is only told its own."""

    def begin(self, call: Call) -> None:
        """Note that *call* arrives now."""
        self._limit.begin(call)

    def remove(self, answer: Answer) -> None:
        """Watch nothing."""


class AtOnce:
    """The policy of a worker: what the front sent together has waited already."""

    def wait(self, moment: Moment, spec: BatchSpec) -> float:
        """Wait for nobody."""
        return 0.0

    def observe(self, items: int, seconds: float) -> None:
        """Learn nothing."""

    def expect(self, items: int) -> float:
        """Expect nothing."""
        return 0.0

    def welcome(self, answered: int, returned: int) -> None:
        """Learn nothing."""


def within(bound: BoundService) -> BoundService:
    """Give a service as a worker runs it: time, admission and waiting are the front's."""
    spec = bound.spec
    endpoints = tuple(unhurried(endpoint) for endpoint in spec.endpoints)
    limits = replace(spec.limits, max_concurrency=None)
    spec = replace(spec, endpoints=endpoints, limits=limits)
    policies = {endpoint.name: AtOnce() for endpoint in endpoints if endpoint.batch is not None}
    return replace(bound, spec=spec, on_deployment=(), policies=policies)  # the front asks the user's


def unhurried(endpoint: EndpointSpec) -> EndpointSpec:
    """Give an endpoint without times, which the front counts but for streams."""
    if endpoint.stream:
        return endpoint
    batch = endpoint.batch
    return replace(
        endpoint,
        timeout=0.0,
        batch=None if batch is None else replace(batch, max_wait=0.0, max_latency=float("inf")),
    )
