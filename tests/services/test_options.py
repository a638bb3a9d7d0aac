"""`@service` takes each of its options, and refuses what it cannot do, by name and with a hint."""

from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.front import Front, enter
from ekiben.core.spec import BoundService, Limits, Style
from ekiben.services.options import ALLOWED, REFUSED, ServiceKeywords, read_options


def bound(**options: Any) -> BoundService:
    class Small:
        """A service."""

        @ekiben.api
        def call(self) -> None:
            """Do nothing."""

    made: Any = ekiben.service(**options)(Small)
    found: BoundService = made.__ekiben_service__()
    return found


def test_defaults() -> None:
    """Without options a service bears its class's name and docstring, one thread, a minute for each call."""
    spec = bound().spec
    assert (spec.name, spec.doc, spec.threads, spec.workers) == ("Small", "A service.", 1, 1)
    assert spec.limits == Limits(timeout=60.0, max_concurrency=None)
    assert (spec.labels, spec.envs, spec.resources) == ({}, (), {})


def test_all_of_them() -> None:
    """Each option arrives in the spec."""
    spec = bound(
        name="fraud.check-2",
        description="Finds fraud.",
        labels={"team": "risk"},
        envs=[{"name": "TOKEN"}, {"name": "LEVEL", "value": "3", "stage": "runtime"}],
        resources={"cpu": "500m", "memory": "2Gi", "gpu": 1, "gpu_type": "nvidia-l4", "tpu_type": None},
        workers=1,
        threads=3,
        traffic={"timeout": 5, "max_concurrency": 7},
    ).spec
    assert (spec.name, spec.doc, spec.labels, spec.threads) == ("fraud.check-2", "Finds fraud.", {"team": "risk"}, 3)
    assert spec.envs == ({"name": "TOKEN", "stage": "all"}, {"name": "LEVEL", "value": "3", "stage": "runtime"})
    assert spec.resources == {"cpu": "500m", "memory": "2Gi", "gpu": 1, "gpu_type": "nvidia-l4"}
    assert spec.limits == Limits(timeout=5.0, max_concurrency=7)


def test_limits() -> None:
    """What a request may be at most is said in `http`; no timeout is said as None."""
    spec = bound(
        traffic={"timeout": None},
        http={
            "max_body_bytes": 10, "max_parts": 11, "max_json_depth": 12, "max_headers": 13, "max_header_bytes": 14,
        },
    ).spec  # fmt: skip
    assert spec.limits == Limits(
        timeout=None, max_body=10, max_parts=11, max_depth=12, max_headers=13, max_header_size=14
    )


def test_style_of_the_front() -> None:
    """A service that is described under another front bears its style."""
    style = Style(error_style="object")
    with enter(Front(style=style)):
        assert bound().spec.style == style
    assert bound().spec.style == Style()


def test_what_types_say_is_what_is_read() -> None:
    """The options that type checkers know are those that are read."""
    assert set(ServiceKeywords.__annotations__) == set(ALLOWED)


@pytest.mark.parametrize("option", REFUSED)
def test_refused(option: str) -> None:
    """An option that belongs elsewhere is refused with the reason, not called unknown."""
    with pytest.raises(ConfigError, match=f"`{option}` is not supported by this version: ") as caught:
        read_options({option: {}})
    assert caught.value.hint == f"leave `{option}` out"


@pytest.mark.parametrize(
    ("options", "words", "hint"),
    [
        ({"monitoring": {"typ": 1}}, "there is no option `monitoring.typ`", "did you mean `type`?"),
        ({"monitoring": {"type": 1}}, "`monitoring.type` must be default, or the dotted path of a class: 1", None),
        ({"monitoring": {"enabled": 1}}, "`monitoring.enabled` must be True or False: 1", None),
        ({"monitoring": {"options": 1}}, "`monitoring.options` must be a mapping: 1", None),
        ({"monitoring": {"options": {"path": "x"}}}, "there is no option `monitoring.options.path`", "log_path"),
        ({"monitoring": {"options": {"log_path": 1}}}, "`monitoring.options.log_path` must be the path of a", None),
        ({"monitoring": {"options": {"max_bytes": 0}}}, "`monitoring.options.max_bytes` must be a whole number", None),
        ({"monitoring": {"options": {"log_config_file": "x"}}}, "not supported by this version: the files", "leave"),
        ({"tracing": {"rate": 1}}, "there is no option `tracing.rate`", "sample_rate"),
        ({"tracing": {"sample_rate": 2}}, "`tracing.sample_rate` must be from 0 to 1: 2", "write 0.1"),
        ({"tracing": {"sample_rate": -1}}, "`tracing.sample_rate` must be a number of requests of 0 or more", "0.1"),
        ({"tracing": {"excluded_urls": 3}}, "`tracing.excluded_urls` must be a list of text: 3", "livez"),
        ({"tracing": {"enabled": 1}}, "`tracing.enabled` must be True or False: 1", None),
        ({"tracing": {"exporter_type": "otlp"}}, "`tracing.exporter_type` is not supported by this", "leave"),
        ({"http": {"response": {"trace_id": True}}}, "`http.response.trace_id` needs `tracing`", "write `tracing={}`"),
        ({"http": {"response": {"trace_id": 1}}}, "`http.response.trace_id` must be True or False: 1", None),
        ({"trafic": {}}, "there is no option `trafic`", "did you mean `traffic`?"),
        ({"qqq": 1}, "there is no option `qqq`", "the options are: name, description"),
        ({"workers": 0}, '`workers` must be a whole number of processes from 1 to 1024, or "cpu_count": 0', "write 2"),
        ({"workers": "all"}, "`workers` must be a whole number of processes", "cpu_count"),
        ({"workers": True}, "`workers` must be a whole number of processes", "cpu_count"),
        ({"workers": [{"gpus": 1}]}, "`workers` must be a whole number of processes", "cpu_count"),
        ({"layout": "both"}, "`layout` must be one of inline, apart, replicas: 'both'", "leave it out"),
        ({"threads": 0}, "`threads` must be a whole number from 1 to 1024 (threads that call sync methods): 0", None),
        ({"threads": 2.0}, "`threads` must be a whole number", None),
        ({"threads": True}, "`threads` must be a whole number", None),
        ({"name": ""}, "`name` must be at most 63 letters", 'write `name="fraud_check"`'),
        ({"name": "a b"}, "`name` must be at most 63 letters, digits", 'write `name="fraud_check"`'),
        ({"name": "-a"}, "none of these three at an end: '-a'", 'write `name="fraud_check"`'),
        ({"name": "a" * 64}, "`name` must be at most 63 letters", 'write `name="fraud_check"`'),
        ({"name": "a/../b"}, "`name` must be", 'write `name="fraud_check"`'),
        ({"name": 3}, "`name` must be", 'write `name="fraud_check"`'),
        ({"description": 3}, "`description` must be text: 3", None),
        ({"labels": ["a"]}, "`labels` must be a mapping of text to text: ['a']", 'write `{"team": "nlp"}`'),
        ({"labels": {"a": 1}}, "`labels` must be a mapping of text to text: 'a': 1", None),
        ({"envs": {"A": "b"}}, "`envs` must be a list of variables: {'A': 'b'}", 'write `[{"name": "TOKEN"}]`'),
        ({"envs": ["A"]}, "`envs[0]` must be a mapping: 'A'", "its options are: name, value, stage"),
        ({"envs": [{"value": "b"}]}, "`envs[0].name` must be the name of an environment variable: None", None),
        ({"envs": [{"name": "A=B"}]}, "`envs[0].name` must be the name of an environment variable: 'A=B'", None),
        ({"envs": [{"name": "A", "value": 1}]}, "`envs[0].value` must be text: 1", None),
        ({"envs": [{"name": "A", "stage": "x"}]}, "`envs[0].stage` must be one of all, build, runtime: 'x'", None),
        ({"envs": [{"nam": "A"}]}, "there is no option `envs[0].nam`", "did you mean `name`?"),
        ({"resources": {"cpus": 1}}, "there is no option `resources.cpus`", "did you mean `cpu`?"),
        ({"resources": {"cpu": "much"}}, "`resources.cpu` must be a number of CPUs above 0: 'much'", "500m"),
        ({"resources": {"memory": "2X"}}, "`resources.memory` must be an amount of memory above 0: '2X'", "2Gi"),
        ({"resources": {"gpu": -1}}, "`resources.gpu` must be a number of GPUs of 0 or more: -1", "write 1"),
        ({"resources": {"gpu_type": 1}}, "`resources.gpu_type` must be text: 1", None),
        ({"resources": 3}, "`resources` must be a mapping: 3", "its options are: cpu"),
        ({"traffic": {"timeout": "30s"}}, "`traffic.timeout` must be a number of seconds above 0: '30s'", "write 30"),
        ({"traffic": {"timeout": 0}}, "`traffic.timeout` must be a number of seconds above 0: 0", "write 30"),
        ({"traffic": {"timeout": float("nan")}}, "`traffic.timeout` must be a number", "write 30"),
        ({"traffic": {"timeout": float("inf")}}, "`traffic.timeout` must be a number", "write 30"),
        ({"traffic": {"max_concurrency": 0}}, "`traffic.max_concurrency` must be a whole number of at least 1", None),
        ({"traffic": {"max_concurency": 1}}, "there is no option `traffic.max_concurency`", "`max_concurrency`"),
        ({"traffic": {"concurrency": 5}}, "`traffic.concurrency` is not supported by this version", "leave"),
        ({"traffic": {"external_queue": True}}, "`traffic.external_queue` is not supported", "leave"),
        ({"traffic": 5}, "`traffic` must be a mapping: 5", "its options are: timeout, max_concurrency"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong(options: dict[str, Any], words: str, hint: str | None) -> None:
    """A wrong option is named by its path, with what it must be and what it was."""
    with pytest.raises(ConfigError) as caught:
        read_options(options)
    assert words in str(caught.value)
    assert caught.value.hint is None if hint is None else hint in (caught.value.hint or "")
