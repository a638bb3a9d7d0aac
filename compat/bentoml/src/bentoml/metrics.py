"""The metrics of one's own, by the names that `bentoml.metrics` has: those of prometheus_client.

In: a name. Out: what prometheus_client has by it. What is registered stands in `/metrics` beside Ekiben's own, of all
workers together.
"""

import importlib
from typing import Any

from bentoml.refusals import Refused

__all__: list[str] = []

SERVED = "`/metrics` of the service shows what is registered, so nothing else has to serve or push it"
INSTEAD = "leave it out, and scrape `/metrics`"
ALONE = (
    "CONTENT_TYPE_LATEST", "MetricsHandler", "instance_ip_grouping_key", "make_asgi_app", "make_wsgi_app",
    "push_to_gateway", "pushadd_to_gateway", "start_http_server", "start_wsgi_server",
    "write_to_textfile",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """Give what prometheus_client has by this name."""
    if name.startswith("__"):
        raise AttributeError(name)
    if name in ALONE:
        return Refused(f"metrics.{name}", SERVED, INSTEAD)
    if name == "text_string_to_metric_families":
        return importlib.import_module("prometheus_client.parser").text_string_to_metric_families
    return getattr(importlib.import_module("prometheus_client"), name)
