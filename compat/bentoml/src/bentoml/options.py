"""Read BentoML's options of a service and of an endpoint as Ekiben's.

In: keywords, as they were written for `bentoml.service` and `bentoml.api`. Out: those of `ekiben.service` and
`ekiben.api`, which check them. What only speaks to BentoML's cloud, or says what is so anyway, is left out, and a line
of the log tells it; anything else that does not work here is refused by Ekiben with the reason.
"""

from collections.abc import Mapping
from typing import Any

from bentoml.words import say
from ekiben.core.errors import ConfigError

SCALER = "it speaks to the autoscaler of BentoML's cloud; `max_concurrency` limits the calls at once"
SAME_SERVER = "services that depend on each other are processes of one server, whose connections stay open"
PROBE = "`/readyz` asks what a service depends on whenever it is asked itself"

IDLE = {
    "traffic.concurrency": SCALER,
    "traffic.external_queue": "calls wait in the server itself; `max_concurrency` says how many may be inside",
    "max_runner_connections": SAME_SERVER,
    "runner_connection": SAME_SERVER,
    "runner_probe.timeout": PROBE,
    "runner_probe.period": PROBE,
}
# What a service has here whether it says so or not; any other value is refused.
GIVEN: Mapping[str, Any] = {
    "runner_probe.enabled": True,
    "replicate_process": False,
    "logging.access.format.trace_id": "032x",
    "logging.access.format.span_id": "016x",
}
BATCHING = ("batch_dim", "max_batch_size", "max_latency_ms")
NAME = "BentoML does not use it either: an endpoint is called by its method, and reached by its `route`"


def service_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of `ekiben.service` for those of `bentoml.service`.

    Raises:
        ConfigError: an option asks for what no service has here.
    """
    found = {key: value for key, value in options.items() if value is not None}
    for path, words in IDLE.items():
        if take(found, path) is not None:
            say(f"`{path}` of a service changes nothing: {words}")
    for path, kept in GIVEN.items():
        value = take(found, path)
        if value is not None and value != kept:
            raise ConfigError(f"`{path}` must be {kept!r} here, as nothing else is offered: {value!r}")
    return found


def take(options: dict[str, Any], path: str) -> Any:
    """Take an option out of nested ones; a section that is empty then goes as well."""
    key, _, rest = path.partition(".")
    if not rest or not isinstance(options.get(key), Mapping):
        return None if rest else options.pop(key, None)
    inner = dict(options[key])
    found = take(inner, rest)
    if found is not None:
        options[key] = inner
        if not inner:
            del options[key]
    return found


def api_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options of `ekiben.api` for those of `bentoml.api`."""
    found = {key: value for key, value in options.items() if value is not None or key == "timeout"}
    if "name" in found:
        say(f"`name={found.pop('name')!r}` of an endpoint changes nothing: {NAME}")
    if not found.get("batchable", False):
        for key in BATCHING:
            if key in found:
                say(f"`{key}={found.pop(key)!r}` of an endpoint changes nothing without `batchable=True`")
    return found
