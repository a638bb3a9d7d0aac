# Shows: monitor, metrics of one's own through prometheus_client and bentoml.metrics, __metrics__, logging.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import logging
import typing as t

import bentoml
from prometheus_client import Counter, Histogram

logger = logging.getLogger("bentoml")

flowers = Counter("flowers_total", "Flowers that were named.", ["species"])
area = Histogram("petal_area", "Area of petals.", buckets=(0.5, 1.0, 2.0, float("inf")))
asked = bentoml.metrics.Gauge(name="asked_last", documentation="Flowers of the last call.")

SPECIES = ["setosa", "versicolor"]


@bentoml.service(
    monitoring={"enabled": True, "type": "default", "options": {"log_path": "watched_logs"}},
    metrics={"enabled": True, "namespace": "garden", "duration": {"buckets": [0.1, 0.5, 1.0]}},
    logging={"access": {"enabled": True, "request_content_length": True, "skip_paths": ["/metrics"]}},
)
class Garden:
    @bentoml.api
    def name_flowers(self, petals: t.List[t.List[float]]) -> t.List[str]:
        names = []
        asked.set(len(petals))
        with bentoml.monitor("flower_names") as monitor:
            for length, width in petals:
                monitor.log(length, name="petal length", role="feature", data_type="numerical")
                monitor.log(width, name="petal width", role="feature", data_type="numerical")
                name = SPECIES[int(length > 2.5)]
                monitor.log(name, name="species", role="prediction", data_type="categorical")
                flowers.labels(species=name).inc()
                area.observe(length * width)
                names.append(name)
        logger.info("named %d flowers", len(names))
        return names

    def __metrics__(self, text: str) -> str:
        return text + "# HELP garden_gate Open or not.\n# TYPE garden_gate gauge\ngarden_gate 1.0\n"
