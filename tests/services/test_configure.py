"""File and environment set what the decorator sets, in one order, held to the same checks."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.config import Kind, Layer, leaves, said
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService, HttpSpec
from ekiben.services.configure import configured, effective, find_file, over, shape
from ekiben.services.defaults import DEFAULTS
from ekiben.services.load import load
from ekiben.services.options import ServiceKeywords, read_options


@ekiben.service(name="inner", threads=2)
class Inner:
    """What another depends on."""

    @ekiben.api
    def call(self) -> int:
        return 1


@ekiben.service(name="outer", threads=4, traffic={"timeout": 5, "max_concurrency": 9}, labels={"team": "nlp"})
class Outer:
    """A service with a dependency."""

    inner = ekiben.depends(Inner)

    @ekiben.api
    def call(self) -> int:
        return 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built-in, decorator, file, environment, command line: each counts over those before it."""

    def timeout() -> float | None:
        return load(Outer).spec.limits.timeout

    assert load(Inner).spec.limits.timeout == 60.0
    assert timeout() == 5.0
    (folder / "ekiben.yaml").write_text("traffic: {timeout: 6}")
    assert timeout() == 6.0
    (folder / "ekiben.yaml").write_text("traffic: {timeout: 6}\nservices: {outer: {traffic: {timeout: 7}}}")
    assert timeout() == 7.0
    monkeypatch.setenv("EKIBEN_TRAFFIC__TIMEOUT", "8")
    assert timeout() == 8.0
    monkeypatch.setenv("EKIBEN_SERVICES__OUTER__TRAFFIC__TIMEOUT", "9")
    assert timeout() == 9.0
    bound = over(load(Outer), said(("traffic", "timeout"), 10, "--timeout"))
    assert bound.spec.limits.timeout == 10.0
    assert bound.spec.limits.max_concurrency == 9, "what nobody else sets is the decorator's"
    assert bound.sources["traffic.timeout"] == "--timeout"


def test_a_service_may_draw_conclusions(folder: Path) -> None:
    """What a service makes of its options is made again of those that a file or a variable sets."""

    def settled(bound: BoundService) -> BoundService:
        return replace(bound, environ=lambda index: {"THREADS": str(bound.spec.threads)})

    bound = replace(Outer.__ekiben_service__(), settled=settled)  # type: ignore[attr-defined]  # the decorator adds it
    changed = over(bound, said(("threads",), 7, "a test"))
    assert (changed.spec.threads, changed.environ is not None and changed.environ(0)) == (7, {"THREADS": "7"})
    assert over(bound, Layer()).environ is None


def test_every_section(folder: Path) -> None:
    """Whatever the decorator takes, a file may say."""
    (folder / "ekiben.yaml").write_text("""
description: From a file.
labels: {stage: prod}
envs: [{name: LEVEL, value: "3"}]
resources: {cpu: 2}
threads: 3
http: {port: 8080, max_body_bytes: 10, cors: {access_control_allow_origins: ["https://example.org"]}}
metrics: {namespace: mine, duration: {min: 1, max: 4, factor: 2}}
logging: {access: {format: json, skip_paths: [/x]}}
path_prefix: /v1
endpoints: {livez: /up}
backlog: 100
""")
    spec = load(Outer).spec
    assert (spec.doc, spec.threads, spec.resources) == ("From a file.", 3, {"cpu": 2})
    assert spec.labels == {"team": "nlp", "stage": "prod"}
    assert spec.envs[0]["name"] == "LEVEL"
    assert (spec.http.port, spec.limits.max_body, spec.http.path_prefix, spec.http.livez) == (8080, 10, "/v1", "/up")
    assert spec.http.cors is not None
    assert (spec.http.metrics.namespace, spec.http.metrics.buckets) == ("mine", (1.0, 2.0, 4.0))
    assert (spec.http.access.format, spec.http.access.skip_paths, spec.http.backlog) == ("json", ("/x",), 100)


def test_dependencies(folder: Path) -> None:
    """What is said of all services holds for those that one depends on, too."""
    (folder / "ekiben.yaml").write_text("threads: 7\nservices: {inner: {threads: 8}}")
    outer = load(Outer)
    inner = outer.dependencies["inner"]()
    assert (outer.spec.threads, inner.spec.threads) == (7, 8)
    assert inner.create is outer.dependencies["inner"]().create, "it is the same service each time"


def test_nothing_said(folder: Path) -> None:
    """Without a file and variables a service is what its decorator says."""
    assert load(Outer).spec == Outer.__ekiben_service__().spec  # type: ignore[attr-defined] # the decorator adds it


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("traffic: {timeot: 3}", "ekiben.yaml: traffic.timeot: there is no option `traffic.timeot`"),
        ("services: {outer: {traffic: {timeot: 3}}}", "ekiben.yaml: services.outer.traffic.timeot: there is no"),
        ("traffic: {timeout: 30s}", "ekiben.yaml: traffic.timeout: `traffic.timeout` must be a number of seconds"),
        ("grpc: {port: 3}", "ekiben.yaml: grpc.port: `grpc` is not supported by this version: only HTTP is served"),
        ("traffic: 30", "ekiben.yaml: traffic: `traffic` must be a mapping: 30"),
        ("services: {elsewhere: {treads: 3}}", "there is no option `treads`: ekiben.yaml: services.elsewhere.treads"),
        ("- a list", "ekiben.yaml must be a mapping: list"),
        ("a: [", "ekiben.yaml is not a YAML document that we can read"),
        ("a: !!python/object/apply:os.getcwd []", "ekiben.yaml is not a YAML document that we can read"),
        ("path_prefix: /call\nendpoints: {livez: /a, readyz: /a}", "must differ"),
    ],
)
def test_refused(folder: Path, text: str, words: str) -> None:
    """What the decorator would refuse is refused, and where it was said comes first."""
    (folder / "ekiben.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(Outer)
    assert words in caught.value.message


def test_refused_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable's wrong value is refused by the variable's name, with the decorator's words."""
    monkeypatch.setenv("EKIBEN_THREADS", "many")
    with pytest.raises(ConfigError, match=r"^EKIBEN_THREADS: `threads` must be a whole number .*: 'many'$"):
        load(Outer)


def test_a_place_that_is_taken(folder: Path) -> None:
    """A file cannot move a probe onto an endpoint."""
    (folder / "ekiben.yaml").write_text("endpoints: {livez: /call}")
    with pytest.raises(ConfigError, match=r"the endpoint `inner\.call` has the route of the liveness probe"):
        load(Inner)


def test_inline_with_dependencies(folder: Path) -> None:
    """Sync methods that wait for another service never run on the event loop."""
    (folder / "ekiben.yaml").write_text("inline: true")
    assert load(Inner).spec.inline
    with pytest.raises(ConfigError, match=r"`inline` must be False where a service depends on others.*`inner`"):
        load(Outer)


def test_empty_file(folder: Path) -> None:
    """A file with nothing in it says nothing."""
    (folder / "ekiben.yaml").write_text("\n")
    assert load(Inner).spec.threads == 2


def test_find_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that `EKIBEN_CONFIG` names, else that of the folder, else the one beside the service."""
    (folder / "project").mkdir()
    code = "import ekiben\n\n@ekiben.service\nclass A:\n    @ekiben.api\n    def f(self) -> int:\n        return 1\n"
    (folder / "project" / "beside.py").write_text(code)
    (folder / "project" / "ekiben.yaml").write_text("threads: 5")
    assert load("project/beside.py:A").spec.threads == 5
    (folder / "ekiben.yaml").write_text("threads: 6")
    assert load("project/beside.py:A").spec.threads == 6
    (folder / "other.yaml").write_text("threads: 7")
    monkeypatch.setenv("EKIBEN_CONFIG", "other.yaml")
    assert load("project/beside.py:A").spec.threads == 7
    with pytest.raises(ConfigError, match=r"`EKIBEN_CONFIG` must name a file: 'gone\.yaml'"):
        find_file(load(Inner), folder, {"EKIBEN_CONFIG": "gone.yaml"})


def test_near_names_are_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A section whose name is nearly that of the service is told of."""
    (folder / "ekiben.yaml").write_text("services: {outr: {threads: 2}}")
    with caplog.at_level(logging.WARNING, "ekiben"):
        load(Outer)
    assert "services.outr is of no service that is served; did you mean `outer`?" in caplog.text


def test_handmade_service(folder: Path) -> None:
    """A service that no decorator made can be set, too; without settings it is left as it is."""
    made = BoundService(load(Inner).spec, create=lambda handles: None)
    assert configured(made, folder).spec == made.spec
    (folder / "ekiben.yaml").write_text("threads: 9")
    assert configured(made, folder).spec.threads == 9


def test_effective(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option is listed once, with its value and who said it; a secret is not shown."""
    (folder / "ekiben.yaml").write_text("ssl: {certfile: a.pem, keyfile_password: hush}")
    monkeypatch.setenv("EKIBEN_THREADS", "6")
    found = {one.path: one for one in effective(load(Outer))}
    assert found["threads"][1:] == (6, "EKIBEN_THREADS")
    assert found["traffic.timeout"][1:] == (5, "@service")
    assert found["backlog"][1:] == (2048, "built-in")
    assert found["ssl.certfile"][1:] == ("a.pem", "ekiben.yaml: ssl.certfile")
    assert found["ssl.enabled"].value is True
    assert found["ssl.keyfile_password"].value == "(not shown)"
    assert "hush" not in json.dumps(list(found.values()))
    assert "name" not in found


def test_defaults_are_those_that_hold() -> None:
    """What is shown as built-in is what an option is where nobody sets it."""
    without = {**DEFAULTS, "ssl": None, "auth": None, "http": {**DEFAULTS["http"], "cors": None}}
    shown, nothing = read_options(without), read_options({})
    assert (shown.limits, shown.http, shown.threads, shown.inline) == (
        nothing.limits, nothing.http, nothing.threads, nothing.inline,
    )  # fmt: skip
    assert (shown.resources, shown.envs, shown.labels) == (nothing.resources, nothing.envs, nothing.labels)
    assert nothing.http == HttpSpec()


def test_each_option_has_a_default() -> None:
    """Every option that can be set is among the built-in ones, and the other way round."""
    open_ended = {"metrics.duration", "labels", "envs"}

    def paths(values: Any) -> set[str]:
        found = {path for path, _ in leaves(values)}
        return {path for path in found if not path.startswith("metrics.duration.")} | open_ended

    assert paths(shape()) == paths(DEFAULTS)


def test_shape() -> None:
    """The types of the options say how a variable's text becomes a value."""
    found: Any = shape()
    assert set(found) == set(ServiceKeywords.__annotations__) - {"name", "image", "cmd"}
    assert found["threads"] is Kind.DATA
    assert found["description"] is Kind.TEXT
    assert found["inline"] is Kind.FLAG
    assert found["labels"] is Kind.NAMED
    assert found["envs"] is Kind.DATA
    assert found["traffic"]["timeout"] is Kind.DATA
    assert found["logging"]["access"]["skip_paths"] is Kind.TEXTS
    assert found["http"]["cors"]["access_control_allow_origins"] is Kind.TEXTS
    assert found["metrics"]["duration"]["buckets"] is Kind.DATA
    assert found["ssl"]["keyfile_password"] is Kind.TEXT
