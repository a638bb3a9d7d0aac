"""BentoML's configuration holds here: each key works, or is told with the reason, and none is passed over."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bentoml
import pytest
import yaml
from bentoml import words
from bentoml.configuration import keys
from bentoml.configuration.documents import FILE, OPTIONS, OVERRIDES, read_documents
from bentoml.configuration.translate import TOLD, find, settings
from bentoml.front import FRONT

from ekiben.core import config
from ekiben.core.errors import ConfigError
from ekiben.core.front import enter
from ekiben.core.spec import BoundService
from ekiben.services.configure import shape
from ekiben.services.load import load
from tests.house.tree import ROOT

SOURCES = ROOT / "compat" / "bentoml" / "src"


@bentoml.service(name="inner", traffic={"timeout": 7})
class Inner:
    """Called."""

    @bentoml.api(batchable=True, max_batch_size=50, max_latency_ms=1000)
    def double(self, rows: list[int]) -> list[int]:
        """Double each."""
        return [row * 2 for row in rows]


@bentoml.service(traffic={"timeout": 5, "max_concurrency": 9}, workers=1)
class Outer:
    """Calls."""

    inner = bentoml.depends(Inner)


NO = "is not known, and changes nothing"
CORS = {"enabled": True, "access_control_allow_origins": ["https://a.example"]}
Write = Callable[..., None]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What was said, each sentence once."""
    monkeypatch.setenv(TOLD, "")
    found: set[str] = set()
    monkeypatch.setattr(words, "_said", found)
    return found


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: set[str]) -> Write:
    """Write the file that BENTOML_CONFIG names."""

    def put(document: Any) -> None:
        text = document if isinstance(document, str) else yaml.safe_dump(document)
        (tmp_path / "bentoml.yaml").write_text(text)
        monkeypatch.setenv(FILE, str(tmp_path / "bentoml.yaml"))

    return put


def loaded() -> tuple[BoundService, BoundService]:
    """Load the service and the one that it depends on, as entered through `bentoml`."""
    with enter(FRONT):
        outer = load(Outer)
        return outer, outer.dependencies["inner"]()


def test_version_2(write: Write) -> None:
    """Options of all services and of one by its name hold over the decorator's, and leave the rest as it was."""
    write({
        "version": 2,
        "services": {
            "traffic": {"timeout": 30},
            "Outer": {"workers": 3, "http": {"port": 4321, "cors": CORS}},
            "inner": {"threads": 4, "batching": {"max_batch_size": 8}},
        },
    })  # fmt: skip
    outer, inner = loaded()
    assert (outer.spec.limits.timeout, outer.spec.limits.max_concurrency, outer.spec.workers) == (30, 9, 3)
    assert outer.spec.http.port == 4321
    assert outer.spec.http.cors is not None
    assert (inner.spec.limits.timeout, inner.spec.threads, inner.spec.workers) == (30, 4, 1)
    assert inner.spec.endpoints[0].batch is not None
    assert inner.spec.endpoints[0].batch.max_size == 8
    assert outer.sources["workers"] == "bentoml.yaml: services.Outer.workers"


def test_version_1(write: Write) -> None:
    """`api_server` is of what is served, `runners` of what it depends on; older spellings count too."""
    write({
        "version": 1,
        "api_server": {"workers": 2, "timeout": 12, "port": 5001, "metrics": {"namespace": "mine"}, "backlog": 100},
        "runners": {
            "batching": {"enabled": True, "max_batch_size": 16, "max_latency_ms": 250},
            "traffic": {"timeout": 900},
            "inner": {"workers_per_resource": 2, "batching": {"max_batch_size": 4}},
        },
        "monitoring": {"options": {"log_path": "here"}},
    })  # fmt: skip
    outer, inner = loaded()
    assert (outer.spec.workers, outer.spec.limits.timeout, outer.spec.http.port) == (2, 12, 5001)
    assert (outer.spec.http.metrics.namespace, outer.spec.http.backlog) == ("mine", 100)
    assert outer.spec.monitoring is not None
    batch = inner.spec.endpoints[0].batch
    assert batch is not None
    assert (batch.max_size, batch.max_latency, inner.spec.workers, inner.spec.limits.timeout) == (4, 0.25, 2, 900)
    assert outer.sources["traffic.timeout"] == "bentoml.yaml: api_server.timeout"


def test_version_0(write: Write) -> None:
    """`bento_server` is of what is served."""
    write({
        "bento_server": {
            "port": 5005, "workers": 2, "timeout": 10, "max_request_size": 1000,
            "metrics": {"enabled": False, "namespace": "OLD"},
            "cors": CORS,
        }
    })  # fmt: skip
    outer, _ = loaded()
    spec = outer.spec
    assert (spec.http.port, spec.workers, spec.limits.timeout, spec.limits.max_body) == (5005, 2, 10, 1000)
    assert (spec.http.metrics.enabled, spec.http.metrics.namespace) == (False, "OLD")
    assert spec.http.cors is not None


def test_batches_can_be_turned_off(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`batching.enabled: false` joins no calls; what stands higher turns it on again, with the code's own numbers."""
    write({"version": 1, "runners": {"batching": {"enabled": False}}})
    assert loaded()[1].spec.endpoints[0].batch is None
    monkeypatch.setenv(OVERRIDES, '{"runners": {"inner": {"batching": {"enabled": true}}}}')
    batch = loaded()[1].spec.endpoints[0].batch
    assert batch is not None
    assert (batch.max_size, batch.max_latency) == (50, 1.0)


def test_who_counts(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """From low to high: the decorator, the file, the overrides, the options, a variable of the option itself."""
    assert loaded()[0].spec.limits.timeout == 5
    write({"services": {"traffic": {"timeout": 10}}})
    assert loaded()[0].spec.limits.timeout == 10
    monkeypatch.setenv(OVERRIDES, json.dumps({"services": {"traffic": {"timeout": 20}, "Outer": {"threads": 2}}}))
    assert loaded()[0].spec.limits.timeout == 20
    monkeypatch.setenv(OPTIONS, "services.Outer.traffic.timeout=25 services.Outer.labels.a='b c'")
    outer = loaded()[0]
    assert (outer.spec.limits.timeout, outer.spec.threads, dict(outer.spec.labels)) == (25, 2, {"a": "b c"})
    assert outer.sources["traffic.timeout"] == f"{OPTIONS}: services.Outer.traffic.timeout"
    monkeypatch.setenv("EKIBEN_TRAFFIC__TIMEOUT", "40")
    assert loaded()[0].spec.limits.timeout == 40


def test_variables_are_put_in(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`$NAME` and `${NAME}` stand for variables, and numbers stay numbers; one that is not set is an error."""
    monkeypatch.setenv("SECONDS_TO_WAIT", "17")
    write({"services": {"traffic": {"timeout": "$SECONDS_TO_WAIT"}, "Outer": {"labels": {"x": "a${SECONDS_TO_WAIT}"}}}})
    outer = loaded()[0]
    assert (outer.spec.limits.timeout, dict(outer.spec.labels)) == (17, {"x": "a17"})
    write({"services": {"traffic": {"timeout": "$NOT_THERE_AT_ALL"}}})
    with pytest.raises(ConfigError, match="NOT_THERE_AT_ALL"):
        loaded()


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"services": {"worker": 2}}, f"bentoml.yaml: services.worker {NO}; did you mean `workers`?"),
        ({"services": {"traffic": {"timeot": 2}}}, f"services.traffic.timeot {NO}; did you mean `timeout`?"),
        ({"services": {"Outr": {"workers": 2}}}, "services.Outr is of no service that is served; did you mean"),
        ({"version": 1, "api_sever": {"workers": 2}}, f"api_sever {NO}; did you mean `api_server`?"),
        ({"version": 1, "runners": {"other": {"traffic": {}}}}, "runners.other is of no service that is served"),
        ({"version": 0, "bento_server": {"prot": 1}}, f"bento_server.prot {NO}"),
        ({"services": {"runner_probe": {"timeout": 3}}}, "runner_probe.timeout changes nothing: `/readyz`"),
        ({"services": {"Outer": {"grpc": {"port": 50051}}}}, "Outer.grpc.port changes nothing: only HTTP"),
        ({"version": 1, "tracing": {"exporter_type": "jaeger"}}, "tracing.exporter_type changes nothing: spans"),
        ({"services": {"logging": {"access": {"format": {"trace_id": "x"}}}}}, "format.trace_id changes nothing: ids"),
        ({"bento_server": {"ngrok": {"enabled": True}}}, "bento_server.ngrok.enabled changes nothing: no tunnel"),
        ({"yatai": {"remote": {"url": "https://y"}}}, "yatai.remote.url changes nothing: there is no Yatai"),
        ({"services": {"workers": [{"gpus": 1}]}}, "services.workers changes nothing: `workers` is a number"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_told(document: Any, sentence: str, write: Write, told: set[str]) -> None:
    """A key that is not known, or has no counterpart, is told with its place, and the reason or the nearest name."""
    write(document)
    outer, _ = loaded()
    assert (outer.spec.workers, outer.spec.limits.timeout) == (1, 5)
    assert any(sentence in each for each in told), told
    assert len(told) == 1


def test_defaults_that_are_spelled_out_say_nothing(write: Write, told: set[str]) -> None:
    """A file with BentoML's own defaults is silent: it asks for nothing."""
    write({"version": 2, "services": {
        "resources": None, "workers": None, "threads": 1, "backlog": 2048, "max_runner_connections": 16,
        "runner_connection": {"max_requests": 100, "max_age": 300.0}, "replicate_process": False,
        "traffic": {"timeout": 60, "max_concurrency": None}, "extra_ports": None,
        "metrics": {"enabled": True, "namespace": "bentoml_service", "duration": {"buckets": None, "min": None}},
        "runner_probe": {"enabled": True, "timeout": 1, "period": 10},
        "logging": {"access": {"enabled": True, "format": {"trace_id": "032x", "span_id": "016x"}}},
        "ssl": {"enabled": False, "certfile": None, "version": 17, "cert_reqs": 0, "ciphers": "TLSv1"},
        "http": {"host": "0.0.0.0", "port": 3000, "proxy_port": 8000, "cors": {"enabled": False}},
        "grpc": {"port": 3000, "max_message_length": -1, "reflection": {"enabled": False}},
        "monitoring": {"enabled": True, "options": {"log_path": "monitoring", "log_config_file": None}},
        "tracing": {"exporter_type": None, "sample_rate": None, "zipkin": {"endpoint": None}},
    }})  # fmt: skip
    assert loaded()[0].spec.limits.timeout == 60
    assert told == set()


def test_variables_without_a_counterpart(told: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that says nothing to this server is told once, and processes that it starts stay silent."""
    monkeypatch.setenv("BENTOML_NO_UDS", "1")
    monkeypatch.setenv("BENTOML_RUNNER_MAP", "")
    loaded()
    loaded()
    assert [each.partition(" ")[0] for each in told] == ["BENTOML_NO_UDS"]
    assert os.environ[TOLD] == "1"
    told.clear()
    settings(["Outer"], ["Outer"], os.environ)
    assert told == set()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        pytest.param(FILE, "/nowhere/bentoml.yaml", "`BENTOML_CONFIG` must name a file", id="no file"),
        pytest.param(OVERRIDES, "{", "must be JSON", id="no JSON"),
        pytest.param(OVERRIDES, "[1]", "must be a JSON object", id="a list"),
        pytest.param(OVERRIDES, '{"version": 3}', "`version` must be 0, 1 or 2: 3", id="a version to come"),
        pytest.param(OVERRIDES, '{"version": true}', "`version` must be 0, 1 or 2", id="no version"),
        pytest.param(OVERRIDES, '{"services": 3}', "`services` must be a mapping", id="a number"),
        pytest.param(OVERRIDES, '{"services": {"Outer": [1]}}', "`Outer` must be a mapping", id="a list"),
        pytest.param(OPTIONS, "services.workers", "must consist of", id="no value"),
        pytest.param(OPTIONS, "services..workers=1", "must consist of", id="an empty part"),
        pytest.param(OPTIONS, "a='", "as a shell reads them", id="an open quotation"),
        pytest.param(OPTIONS, "services.workers={", "cannot be read", id="a value that is none"),
        pytest.param(OPTIONS, "services.workers=!!python/object:os.system", "cannot be read", id="code in YAML"),
        pytest.param(OVERRIDES, '{"services": {"workers": "many"}}', "services.workers: `workers`", id="a type"),
        pytest.param(
            OPTIONS, "services.Outer.traffic.timeout=-1", "Outer.traffic.timeout: `traffic.timeout`", id="a bound"
        ),
    ],
)
def test_wrong_settings(name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch, told: set[str]) -> None:
    """What cannot be meant is one error that says where it was said."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        loaded()
    assert sentence in str(caught.value)


@pytest.mark.parametrize("text", ["a: &a [*a]", "x: !!python/object/apply:os.system ['true']", "- 1", "{"])
def test_a_hostile_file(text: str, write: Write) -> None:
    """A file that would run code, loop, or is no mapping is refused, and nothing of it runs."""
    write(text)
    with pytest.raises(ConfigError):
        loaded()


def test_each_table_leads_somewhere() -> None:
    """What a table moves lies at an option that there is; what is gone has a reason, and is not moved as well."""
    for moved in (keys.MOVED_OF_SERVER, keys.MOVED_OF_RUNNERS, keys.MOVED_OF_BUNDLES):
        for path, target in moved.items():
            config.find(target.split("."), shape(), path)
            assert find(path, moved, keys.GONE)[0] == target
    assert all(why and not why.endswith(".") for why in (*keys.GONE.values(), *keys.GONE_OF_BUNDLES.values()))
    assert set(keys.MOVED_OF_BUNDLES) & set(keys.GONE_OF_BUNDLES) == set()


def test_versions_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word of its own a document is of the version that its sections have, or of the one below it."""
    for text, version in (('{"services": {}}', 2), ('{"runners": {}}', 1), ('{"yatai": {}}', 0), ("{}", 2)):
        assert read_documents({OVERRIDES: text})[0].version == version
    both = read_documents({OVERRIDES: '{"version": 1}', OPTIONS: "monitoring.enabled=false"})
    assert [each.version for each in both] == [1, 1]


def test_another_front_knows_nothing_of_it(write: Write) -> None:
    """Entered as `ekiben`, BentoML's file changes nothing."""
    write({"services": {"traffic": {"timeout": 30}}})
    assert load(Outer).spec.limits.timeout == 5


def test_the_command_shows_who_said_it(tmp_path: Path, write: Write) -> None:
    """`bentoml serve --print-config` names the file and its key beside each value."""
    (tmp_path / "service.py").write_text("import bentoml\n\n@bentoml.service\nclass S:\n    pass\n")
    write({"services": {"S": {"traffic": {"timeout": 33}}, "max_runner_connections": 5}})
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", "service:S", "--print-config"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SOURCES)}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    row = next(line.split() for line in done.stdout.splitlines() if "traffic.timeout" in line)
    assert row == ["traffic.timeout", "33", "bentoml.yaml:", "services.S.traffic.timeout"]
    assert "services.max_runner_connections changes nothing" in done.stderr
