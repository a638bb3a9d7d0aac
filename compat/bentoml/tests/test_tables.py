"""The page of what became of BentoML's names says what the code does, and leaves no name out.

A row of a table in docs/migrating.md begins with names: `bentoml.a.b`, and more names that stand beside it.
"""

import importlib
import logging
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.options import service_options
from bentoml.refusals import MODULES, NAMES, Refused
from pydantic import BaseModel

from ekiben.core.errors import ConfigError
from tests.house.tree import ROOT

PAGE = (ROOT / "docs/migrating.md").read_text()
HEADING = re.compile(r"^(##+) (.+)$", re.MULTILINE)


def words(text: str) -> list[str]:
    """Give the words of a text."""
    return text.split()


# What stands in sections 1 and 2 of the list of BentoML's surface, by the generation that brought it.
CLASSES = words("""
    service api task depends Dependency on_startup on_shutdown on_deployment asgi_app mount_asgi_app runner_service
    get_current_service IODescriptor Field Context Cookie server_context SyncHTTPClient AsyncHTTPClient Tag Model Bento
    build get list delete import_bento export_bento push pull load serve importing use_arguments monitor load_config
    save_config set_serialization_strategy BentoCloudClient ApiToken images.Image
    bentos.build bentos.build_bentofile bentos.get bentos.list bentos.delete bentos.export_bento bentos.import_bento
    bentos.push bentos.pull bentos.containerize
    models.create models.get models.list models.delete models.import_model models.export_model models.push models.pull
    models.BentoModel models.HuggingFaceModel models.Model
    container.build container.health container.get_containerfile container.register_backend
    monitoring.monitor metrics.Counter gradio.mount_gradio_app ray.deployment batch.run_in_spark triton.Runner
    start.start_http_server start.start_runner_server start.start_grpc_server
    validators.Shape validators.DType validators.ContentType validators.DataframeSchema validators.FileSchema
    validators.TensorSchema validators.PILImageEncoder
    exceptions.BentoMLException exceptions.BadInput exceptions.InvalidArgument exceptions.StateException
    exceptions.NotFound exceptions.UnprocessableEntity exceptions.ServiceUnavailable exceptions.RemoteException
    exceptions.InternalServerError exceptions.APIDeprecated exceptions.BentoMLConfigException
    exceptions.MissingDependencyException exceptions.CLIException exceptions.CloudRESTApiClientError
    exceptions.ImportServiceError exceptions.UnservableException exceptions.ServerStateException
    xgboost.get_service lightgbm.get_service catboost.get_service mlflow.get_service mlflow.import_model
    transformers.import_model diffusers.import_model detectron.save_model easyocr.save_model
""")
SAVING = words("""
    sklearn xgboost lightgbm catboost pytorch torchscript pytorch_lightning tensorflow keras onnx transformers
    diffusers fastai flax picklable_model
""")
CLASSES += [f"{name}.{verb}" for name in SAVING for verb in ("save_model", "load_model", "get", "get_runnable")]
RUNNERS = words("""
    Service Runner Runnable Strategy Resource legacy.Service legacy.Runner legacy.Runnable legacy.Resource
    legacy.Strategy legacy.HTTPServer legacy.GrpcServer io.NumpyNdarray io.PandasDataFrame io.PandasSeries io.JSON
    io.Text io.Image io.File io.Multipart io.SSE io.IODescriptor client.Client client.SyncClient client.AsyncClient
    client.HTTPClient client.SyncHTTPClient client.AsyncHTTPClient client.GrpcClient
""")
BUNDLES = words("""
    BentoService artifacts env ver web_static_content save save_to_dir load_from_dir adapters.DataframeInput
    adapters.TfTensorInput adapters.JsonInput adapters.StringInput adapters.ImageInput adapters.MultiImageInput
    adapters.FileInput adapters.MultiFileInput adapters.AnnotatedImageInput adapters.DefaultOutput
    adapters.JsonOutput adapters.DataframeOutput adapters.TfTensorOutput handlers.DataframeHandler
    artifact.PickleArtifact frameworks.sklearn.SklearnModelArtifact types.InferenceTask types.InferenceResult
    types.InferenceError yatai.client.get_yatai_client
""")
TABLE = {"1.2 to 1.4": CLASSES, "1.0 and 1.1": RUNNERS, "0.13": BUNDLES}
PENDING: set[str] = set()  # the first part of names whose rows are still being written


def is_pending(name: str) -> bool:
    """Say whether the rows of a name are still being written."""
    return name.partition(".")[0] in PENDING


def sections() -> Iterator[tuple[str, str, str]]:
    """Give the parts of the page: generation, kind, text."""
    found = list(HEADING.finditer(PAGE))
    generation = ""
    for index, heading in enumerate(found):
        end = found[index + 1].start() if index + 1 < len(found) else len(PAGE)
        generation = heading[2] if heading[1] == "##" else generation
        yield generation, heading[2], PAGE[heading.end() : end]


def rows(text: str) -> Iterator[tuple[list[str], str]]:
    """Give the names at the beginning of each row of a table, and what it says of them."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if line.startswith("|") and len(cells) >= 2 and cells[0] not in ("---", "name", "option"):
            yield re.findall(r"`([^`]+)`", cells[0]), cells[1]


def named(text: str) -> Iterator[str]:
    """Give the public names that rows are about, without `bentoml.`."""
    for names, _ in rows(text):
        parent = ""
        if names and names[0].startswith("bentoml."):
            for name in names:
                if name.startswith("bentoml."):
                    name = name.removeprefix("bentoml.")
                    parent = name.rpartition(".")[0]
                    yield name
                elif re.fullmatch(r"[A-Za-z_]\w*", name):
                    yield f"{parent}.{name}" if parent else name


WORKING = [name for _, kind, text in sections() if kind.startswith("Works") for name in named(text)]
MISSING = [name for _, kind, text in sections() if kind == "Not there" for name in named(text)]


def find(name: str) -> Any:
    """Give what a dotted name of `bentoml` stands for; raises AttributeError or ImportError."""
    found: Any = bentoml
    path = "bentoml"
    for step in name.split("."):
        path = f"{path}.{step}"
        if isinstance(found, ModuleType) and not hasattr(found, step):
            found = importlib.import_module(path)
        else:
            found = getattr(found, step)
    return found


@pytest.mark.parametrize("name", WORKING)
def test_what_works_is_there(name: str) -> None:
    """A name that the page says to work leads to something that is not refused."""
    found = find(name)
    assert found is not None
    assert not isinstance(found, Refused)
    assert not (isinstance(found, ModuleType) and name in MODULES)


@pytest.mark.parametrize("name", MISSING)
def test_what_is_not_there_says_so(name: str) -> None:
    """A name that the page says not to be there can be imported, and says at use what to write instead."""
    found = find(name)
    used = found.anything if isinstance(found, ModuleType) else found
    with pytest.raises(ConfigError, match=r"there is no `bentoml\.") as caught:
        used()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("generation", "name"),
    [(each, name) for each, names in TABLE.items() for name in names if not is_pending(name)],
)
def test_every_name_of_bentoml_is_on_the_page(generation: str, name: str) -> None:
    """A name of BentoML's stands on the page, in its generation, and so works or is refused."""
    heading = next(title for title, _, _ in sections() if title.endswith(generation))
    text = "".join(text for title, _, text in sections() if title == heading)
    listed = set(named(text))
    assert name in listed or (name.partition(".")[0] in listed and "." in name), f"add a row for `bentoml.{name}`"


@pytest.mark.parametrize(
    "name",
    [name for name in bentoml.__all__ if name != "__version__" and not is_pending(name)],
)
def test_no_name_of_ours_is_left_out(name: str) -> None:
    """Every public name, and every name of a public module, stands on the page."""
    listed = {*WORKING, *MISSING}
    value = getattr(bentoml, name)
    if isinstance(value, ModuleType) and name not in listed:
        inner = [f"{name}.{each}" for each in getattr(value, "__all__", ()) if f"{name}.{each}" not in listed]
        assert inner == []
        assert getattr(value, "__all__", ()) or any(each.startswith(f"{name}.") for each in listed)
    else:
        assert name in listed


def test_what_is_pending_is_not_there_yet() -> None:
    """A name is only put off as long as no row is about it."""
    assert {name.partition(".")[0] for name in (*WORKING, *MISSING)} & PENDING == set()


def test_what_is_refused_has_a_place() -> None:
    """Each name that is refused stands among those that are not there."""
    refused = set(NAMES) | set(MODULES)
    assert {
        each for each in refused if each not in MISSING and not any(m.startswith(f"{each}.") for m in MISSING)
    } == set()


SAMPLES: dict[str, Any] = {
    "name": "x", "description": "x", "labels": {"a": "b"}, "envs": [{"name": "A"}], "path_prefix": "/v1", "workers": 2,
    "threads": 2, "backlog": 64, "resources.cpu": "500m", "resources.memory": "1Gi", "resources.gpu": 1,
    "resources.gpu_type": "x", "resources.tpu_type": "x", "traffic.timeout": 3, "traffic.max_concurrency": 3,
    "traffic.concurrency": 3, "traffic.external_queue": True, "http.host": "127.0.0.1", "http.port": 1,
    "http.cors": {"enabled": True, "access_control_allow_origins": ["https://example.org"]},
    "http.response.trace_id": False, "ssl.certfile": "c.pem", "ssl.keyfile": "k.pem", "ssl.keyfile_password": "x",
    "ssl.ca_certs": "a.pem", "ssl.cert_reqs": 0, "ssl.ciphers": "TLSv1", "metrics.enabled": True,
    "metrics.namespace": "x", "metrics.duration": {"buckets": [1.0]}, "logging.access.enabled": True,
    "logging.access.skip_paths": ["/x"], "logging.access.request_content_length": True,
    "logging.access.format": {"trace_id": "032x"}, "tracing.sample_rate": 0.5, "tracing.excluded_urls": ["/x"],
    "tracing.exporter_type": "otlp", "tracing.zipkin": {}, "tracing.jaeger": {}, "tracing.otlp": {},
    "tracing.timeout": 1, "tracing.max_tag_value_length": 1, "monitoring.enabled": True, "monitoring.type": "default",
    "monitoring.options": {"log_path": "x"}, "monitoring.options.log_config_file": "x", "endpoints.livez": "/a",
    "endpoints.readyz": "/b", "max_runner_connections": 16, "runner_connection": {"max_age": 3},
    "runner_probe.timeout": 1, "runner_probe.period": 1, "runner_probe.enabled": True, "replicate_process": False,
    "service_class": int, "extra_ports": [1], "grpc": {}, "image": bentoml.images.Image(), "cmd": ["python"],
    "http.proxy_port": 8000,
}  # fmt: skip
NEEDED = {"ssl": {"enabled": True, "certfile": "c.pem"}, "tracing": {"enabled": True}}
OPTIONS = [
    (option, says)
    for _, kind, text in sections()
    if kind.startswith("Options of `@bentoml.service`")
    for options, says in rows(text)
    for option in options
]


def nested(path: str, value: Any) -> dict[str, Any]:
    """Write an option as a user does, with what it needs beside it."""
    section, _, rest = path.partition(".")
    for step in reversed(rest.split(".") if rest else []):
        value = {step: value}
    return {section: {**NEEDED.get(section, {}), **value} if rest else value}


@pytest.mark.parametrize(("option", "says"), OPTIONS)
def test_an_option_does_what_the_page_says(
    option: str, says: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An option of a service works, changes nothing and is told, or is refused: as the page says."""
    monkeypatch.setattr("bentoml.words._said", set())
    told = nested(option, SAMPLES[option])
    if says.startswith("refused"):
        with pytest.raises(ConfigError, match="is not supported by this version"):
            bentoml.service(**told)
        return
    with caplog.at_level(logging.WARNING):
        bentoml.service(**told)
    is_idle = f"`{option}` of a service changes nothing" in caplog.text
    assert is_idle == says.startswith("changes nothing")
    if says == "works":
        section, _, rest = option.partition(".")
        kept: Any = service_options(told)[section]
        for step in rest.split(".") if rest else ():
            kept = kept[step]
        assert kept == SAMPLES[option]


def test_every_option_is_on_the_page() -> None:
    """No option of BentoML's services is left out."""
    assert {option for option, _ in OPTIONS} >= set(SAMPLES)


class Spec(BaseModel):
    """A record."""

    x: list[int]


@pytest.mark.parametrize(
    ("option", "value", "batchable"),
    [
        ("route", "/other", False),
        ("input_spec", Spec, False),
        ("output_spec", list[int], False),
        ("batchable", True, True),
        ("batch_dim", (0, 0), True),
        ("max_batch_size", 7, True),
        ("max_latency_ms", 700, True),
        ("name", "other", False),
    ],
)
def test_an_option_of_an_endpoint_stands_on_the_page(option: str, value: Any, batchable: bool) -> None:
    """Options of endpoints are taken, and each stands on the page."""
    listed = [
        name
        for _, kind, text in sections()
        if kind.startswith("Options of `@bentoml.api`")
        for names, _ in rows(text)
        for name in names
    ]
    assert option in listed

    def predict(self: Any, x: list[int]) -> list[int]:
        return x

    options = {option: value, **({"batchable": True} if batchable else {})}
    made = bentoml.service(type("Taking", (), {"predict": bentoml.api(**options)(predict)}))
    api = made.apis["predict"]
    kept = {"route": api.route, "max_batch_size": api.batch and api.batch.max_size}
    assert kept.get(option, value) == value
    assert (api.batch is not None) is batchable
    assert np.asarray(made().predict([1])).tolist() == [1]
