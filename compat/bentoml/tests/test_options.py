"""Options written for BentoML work, change nothing and are told, or are refused with the reason."""

import logging
from collections.abc import Callable
from typing import Any

import bentoml
import pytest

from ekiben.core.errors import ConfigError


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"traffic": {"concurrency": 4, "timeout": 7}}, "`traffic.concurrency` of a service changes nothing"),
        ({"traffic": {"external_queue": True}}, "`traffic.external_queue` of a service changes nothing"),
        ({"max_runner_connections": 16}, "`max_runner_connections` of a service changes nothing"),
        ({"runner_connection": {"max_requests": 100}}, "`runner_connection` of a service changes nothing"),
        ({"runner_probe": {"enabled": True, "timeout": 1, "period": 10}}, "`runner_probe.timeout` of a service"),
    ],
)
def test_what_speaks_to_the_cloud_is_told(
    option: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An option that changes nothing here is taken, and one line of the log says why."""
    monkeypatch.setattr("bentoml.words._said", set())
    with caplog.at_level(logging.WARNING):
        made: Any = bentoml.service(**option)(type("Idle", (), {}))
        bentoml.service(**option)(type("Again", (), {}))
    assert caplog.text.count(words) == 1
    timeout = option.get("traffic", {}).get("timeout")
    assert made.config.get("traffic", {}).get("timeout") == timeout


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"service_class": int}, "a service is the class that is decorated"),
        ({"grpc": {"port": 1}}, "only HTTP is served"),
        ({"extra_ports": [1]}, "a service listens on one port"),
        ({"replicate_process": True}, "`replicate_process` must be False here"),
        ({"runner_probe": {"enabled": False}}, "`runner_probe.enabled` must be True here"),
        ({"logging": {"access": {"format": {"trace_id": "x"}}}}, "`logging.access.format.trace_id` must be '032x'"),
        ({"tracing": {"exporter_type": "otlp"}}, "spans go to the OpenTelemetry provider that you set"),
        ({"monitoring": {"options": {"log_config_file": "x"}}}, "not written by Python's logging"),
        ({"nonsense": 1}, "there is no option `nonsense`"),
    ],
)
def test_what_is_not_offered_is_refused(option: dict[str, Any], words: str) -> None:
    """An option that asks for something that is not there is refused with the reason."""
    with pytest.raises(ConfigError, match=words):
        bentoml.service(**option)


def test_options_that_say_what_is_so(caplog: pytest.LogCaptureFixture) -> None:
    """What is so anyway may be said, and needs no word."""
    told: dict[str, Any] = {
        "replicate_process": False,
        "traffic": None,
        "logging": {"access": {"format": {"trace_id": "032x", "span_id": "016x"}}},
        "metrics": {"enabled": True, "namespace": "mine", "duration": {"buckets": [0.1, 1.0]}},
        "ssl": {"enabled": False},
        "envs": [{"name": "LEVEL", "value": "3"}],
        "backlog": 64,
        "endpoints": {"livez": "/alive"},
        "resources": {"cpu": "500m", "gpu": 1, "gpu_type": "x"},
    }
    before = {key: dict(value) if isinstance(value, dict) else value for key, value in told.items()}
    found = bentoml.service(**told)(type("Said", (), {}))
    assert (found.config["backlog"], "logging" in found.config, caplog.text) == (64, False, "")
    assert told == before  # what the caller holds is left as it was


def test_the_name_of_an_endpoint(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """`name` of an endpoint changes nothing, as with BentoML, and is told; so is batching that is off."""
    monkeypatch.setattr("bentoml.words._said", set())

    def predict(self: Any, x: int) -> int:
        return x

    with caplog.at_level(logging.WARNING):
        mark: Callable[[Any], Any] = bentoml.api(name="other", max_batch_size=4, batchable=False, route=None)
        found = bentoml.service(type("Named", (), {"predict": mark(predict)}))
    assert [api.route for api in found.apis.values()] == ["/predict"]
    assert "`name='other'` of an endpoint changes nothing" in caplog.text
    assert "`max_batch_size=4` of an endpoint changes nothing without" in caplog.text
    with pytest.raises(ConfigError, match="there is no option `rout`"):
        bentoml.api(rout="/x")
    with pytest.raises(ConfigError, match="takes options by keyword only"):
        bentoml.api("/x")
