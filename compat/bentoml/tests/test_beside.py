"""What stands beside services: refusals, validators, monitoring, metrics, Gradio, where code runs."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import bentoml
import numpy as np
import pytest
from bentoml.refusals import MODULES, Refused
from fastapi import FastAPI
from PIL import Image

from ekiben.core.errors import ConfigError, MissingLibrary, NotFound
from ekiben.testing import client


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_that_is_not_there(module: str) -> None:
    """A module of names that are not there can be imported; each of them is refused at use, by its name."""
    found = getattr(bentoml, module)
    with pytest.raises(ConfigError, match=rf"there is no `bentoml.{module}.thing` here") as caught:
        found.thing("x", y=1)
    assert caught.value.hint
    with pytest.raises(ConfigError, match=rf"bentoml.{module}.thing"):
        _ = found.thing.inner
    with pytest.raises(AttributeError):
        _ = found.__path__


def test_a_refused_name_is_refused_in_every_use() -> None:
    """A class of it, an attribute, a call: each says why; looking at it does not."""
    refused = bentoml.BentoCloudClient
    assert repr(refused) == "<bentoml.BentoCloudClient, which is not there>"
    assert not hasattr(refused, "__wrapped__")
    with pytest.raises(ConfigError, match="there is no cloud here"):
        exec("class Mine(refused): pass", {"refused": refused})
    with pytest.raises(ConfigError, match=r"there is no `bentoml.BentoCloudClient` here") as caught:
        refused()
    assert "`bentoml push`" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="workers import its module"):
        bentoml.set_serialization_strategy("EXPORT_BENTO")


class Told(bentoml.IODescriptor):
    """A record that holds an array and an image."""

    rows: Annotated[np.ndarray, bentoml.validators.TensorSchema(dtype="float32", shape=(-1, 2))]
    name: str = "x"


@bentoml.service
class Validated:
    @bentoml.api
    def total(self, told: Told) -> float:
        assert told.rows.dtype == np.float32
        return float(told.rows.sum())

    @bentoml.api(input_spec=Told)
    def spec(self, rows: Any, name: str = "x") -> list[int]:
        return list(rows.shape)

    @bentoml.api
    def width(self, picture: Annotated[Image.Image, bentoml.validators.PILImageEncoder()]) -> int:
        return picture.width

    @bentoml.api
    def size(self, file: Annotated[Path, bentoml.validators.FileSchema(content_type="audio/*")]) -> int:
        return file.stat().st_size

    @bentoml.api
    def anything(self, file: Annotated[Path, bentoml.validators.FileSchema()]) -> int:
        return file.stat().st_size


def test_validators() -> None:
    """A marker that says two things stands for both; a file of another type is refused."""
    with client(Validated) as found:
        assert found.total(told={"rows": [[1, 2], [3, 4]]}) == 10.0
        assert found.spec(rows=[[1, 2]]) == [1, 2]
        wrong = found.request("POST", "/total", json={"told": {"rows": [[1, 2, 3]]}})
        assert (wrong.status_code, "shape" in wrong.text) == (400, True)
        assert found.width(picture=Image.new("RGB", (3, 2))) == 3
        audio = {"file": ("a.wav", b"1234", "audio/wav")}
        assert found.request("POST", "/size", files=audio).json() == 4
        other = found.request("POST", "/size", files={"file": ("a.txt", b"1234", "text/plain")})
        assert (other.status_code, "audio/*" in other.text) == (400, True)
        assert found.request("POST", "/anything", files={"file": ("a.txt", b"1234", "text/plain")}).json() == 4


def test_validators_of_another_form() -> None:
    """A format that there is not is refused; a kind of file stands for its media types."""
    with pytest.raises(ConfigError, match="`format` of a file"):
        bentoml.validators.FileSchema(format="cake")
    with pytest.raises(ConfigError, match="`format` of a tensor"):
        bentoml.validators.TensorSchema(format="cake")
    assert [each.content_type for each in bentoml.validators.FileSchema(format="image")] == ["image/*"]
    assert list(bentoml.validators.PILImageEncoder()) == []


written: list[Any] = []


class Kept(bentoml.monitoring.MonitorBase):
    """A monitor of one's own."""

    def initialize(self) -> None:
        written.append(("opened", self.name, self.options))

    def export_schema(self, columns_schemas: Any) -> None:
        written.append([each["name"] for each in columns_schemas])

    def export_data(self, datas: Any) -> None:
        written.extend({"x": each["x"]} for each in datas)


def test_a_monitor_of_ones_own() -> None:
    """A class that derives from `MonitorBase` is told its columns once, and each record."""
    made = Kept("mine", path="p")
    for value in (1, 2):
        made.write([{"name": "x", "role": "feature", "data_type": "numerical"}], [{"x": value}])
    made.close()
    assert written == [("opened", "mine", {"path": "p"}), ["x"], {"x": 1}, {"x": 2}]


def test_monitor(tmp_path: Path) -> None:
    """`bentoml.monitor` writes records; a class may be given itself; OTLP is not spoken."""
    with bentoml.monitor("rows", "default", {"log_path": str(tmp_path)}) as monitor:
        monitor.log(1.5, name="x", role="feature", data_type="numerical")
        monitor.log_batch(["a"], name="y", role="prediction", data_type="categorical")
    with pytest.raises(ConfigError, match="nothing speaks OTLP here"):
        bentoml.monitor("rows", monitor_class="otlp")
    with pytest.raises(ConfigError, match="nothing speaks OTLP"):
        bentoml.monitoring.OTLPMonitor()
    with pytest.raises(ConfigError, match="must be default, or the dotted path"):
        with bentoml.monitor("rows", monitor_class=type("Nowhere", (), {})) as monitor:
            monitor.log(1, name="x", role="feature", data_type="numerical")


def test_metrics() -> None:
    """Metrics of one's own are prometheus_client's, and stand in `/metrics`; nothing else serves them."""
    counted = bentoml.metrics.Counter("beside_calls", "Calls.")

    @bentoml.service
    class Counting:
        @bentoml.api
        def x(self) -> None:
            counted.inc()

        def __metrics__(self, text: str) -> str:
            return text.replace("beside_calls_total", "renamed_total")

    with client(Counting) as found:
        found.x()
        assert "\nrenamed_total 1.0" in found.request("GET", "/metrics").text
    names = [each.name for each in bentoml.metrics.text_string_to_metric_families("a_total 1\n")]
    assert names
    with pytest.raises(ConfigError, match=r"`bentoml.metrics.start_http_server` here: `/metrics`"):
        bentoml.metrics.start_http_server(8000)
    with pytest.raises(AttributeError):
        _ = bentoml.metrics.no_such_metric


def test_gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interface of Gradio is mounted by Gradio's own function, below the path; without Gradio that is said."""
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(MissingLibrary, match="needs the library `gradio`"):
        bentoml.gradio.mount_gradio_app("blocks", path="/ui")
    fake = ModuleType("gradio")

    def mount_gradio_app(app: FastAPI, blocks: Any, path: str) -> FastAPI:
        app.add_api_route(f"{path}/", lambda: blocks)
        return app

    fake.mount_gradio_app = mount_gradio_app  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gradio", fake)

    @bentoml.service
    @bentoml.gradio.mount_gradio_app({"title": "mine"}, path="/ui")
    class Shown:
        @bentoml.api
        def x(self) -> int:
            return 1

    with client(Shown) as found:
        assert found.request("GET", "/ui/").json() == {"title": "mine"}


@bentoml.service(path_prefix="/v1")
class Placed:
    def __init__(self) -> None:
        self.at_start = (bentoml.server_context.service_name, bentoml.server_context.worker_index)

    @bentoml.api
    def where(self) -> dict[str, Any]:
        context = bentoml.server_context
        return {
            "start": list(self.at_start),
            "here": bentoml.get_current_service() is self,
            "name": context.service_name,
            "type": context.service_type,
            "worker": context.worker_index,
            "bento": [context.bento_name, context.bento_version],
            "routes": context.service_routes,
        }


def test_where_code_runs() -> None:
    """A service knows its name, worker and routes, from its `__init__` on; elsewhere there is none."""
    with client(Placed) as found:
        assert found.where() == {
            "start": ["Placed", 1], "here": True, "name": "Placed", "type": "service", "worker": 1,
            "bento": ["", "not available"], "routes": ["/v1/where"],
        }  # fmt: skip
    assert (bentoml.server_context.service_name, bentoml.server_context.service_routes) == ("", [])
    assert bentoml.server_context.service_type == "api_server"
    assert "worker 1" in repr(bentoml.server_context)
    assert bentoml.get_current_service(default=None) is None
    with pytest.raises(ConfigError, match="no service runs in this process"):
        bentoml.get_current_service()


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("APIDeprecated", 500), ("CloudRESTApiClientError", 500), ("UnservableException", 500),
        ("ServerStateException", 500), ("RemoteException", 500), ("BentoMLConfigException", 500),
        ("MissingDependencyException", 500), ("CLIException", 500), ("ImportServiceError", 500),
    ],
)  # fmt: skip
def test_the_other_exceptions(name: str, status: int) -> None:
    """Every name of BentoML's exceptions is there, and caught by their root."""
    kind = getattr(bentoml.exceptions, name)
    assert issubclass(kind, bentoml.exceptions.BentoMLException)
    assert kind("x").status == status


def test_a_status_by_its_older_name() -> None:
    """An exception of one's own says its status by `error_code`, and is answered with it."""

    class Teapot(bentoml.exceptions.BentoMLException):
        error_code = 418

    @bentoml.service
    class Pot:
        @bentoml.api
        def pour(self) -> str:
            raise Teapot("short and stout")

    with client(Pot) as found:
        answer = found.request("POST", "/pour", json={})
        assert (answer.status_code, json.loads(answer.text)["error"]) == (418, "short and stout")


def test_a_service_of_a_stored_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`get_service` serves a stored model with the options that it is given."""
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is of the boosters' group")
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    model = xgboost.XGBRegressor(n_estimators=2).fit([[0.0], [1.0]], [0.0, 1.0])
    bentoml.xgboost.save_model("rows", model, signatures={"predict": {"batchable": True}}, external_modules=None)
    served = bentoml.xgboost.get_service("rows:latest", name="scorer", threads=2)
    assert (served.name, served.config, list(served.apis)) == ("scorer", {"name": "scorer", "threads": 2}, ["predict"])
    with pytest.raises(ConfigError, match="has no class"):
        _ = served.inner
    with client(served) as found:
        assert len(found.request("POST", "/predict", json=[[0.5]]).json()) == 1
    with pytest.raises(NotFound):
        bentoml.lightgbm.get_service("rows")
    with pytest.raises(ConfigError, match=r"`bentoml.xgboost.load_model` has no option `cake`"):
        bentoml.xgboost.load_model("rows", cake=1)
    with pytest.raises(ConfigError, match=r"`bentoml.xgboost.save_model` has no option `cake`"):
        bentoml.xgboost.save_model("rows", model, cake=1)
    assert bentoml.xgboost.load_model(bento_model="rows").n_estimators == 2
    assert bentoml.xgboost.get(tag_like="rows").tag.name == "rows"


def test_arguments_that_only_bentoml_has() -> None:
    """What a framework's function does not take here is refused with the reason, before anything is looked for."""
    with pytest.raises(ConfigError, match="a Keras model is kept in its own format"):
        bentoml.keras.save_model("x", object(), tf_signatures={})
    with pytest.raises(ConfigError, match="`task_name` is not taken"):
        bentoml.transformers.save_model("x", pipeline=object(), task_name="y")
    with pytest.raises(ConfigError, match="no code of a hub is run"):
        bentoml.transformers.import_model("x", "owner/model", trust_remote_code=True)
    with pytest.raises(ConfigError, match="a version is made by the store"):
        bentoml.diffusers.import_model("x", "owner/model", sync_with_hub_version=True)
    with pytest.raises(ConfigError, match=r"`init` is not|has no option `init`"):
        bentoml.flax.load_model("x", init=False)


def test_what_stands_for_a_name_is_no_module() -> None:
    """A refused name is told from a module of such names."""
    assert isinstance(bentoml.ApiToken, Refused)
    assert isinstance(bentoml.cloud, ModuleType)
