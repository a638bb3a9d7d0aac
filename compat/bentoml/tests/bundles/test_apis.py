"""`@api` marks methods of 0.13 and of 1.4 by one name."""

import logging
import subprocess
import sys
from typing import Any

import bentoml
import pytest
from bentoml.adapters import DataframeInput, DefaultOutput, JsonInput, JsonOutput, TfTensorInput
from bentoml.bundles.apis import NOTE, InferenceAPI, collect
from bentoml.handlers import DataframeHandler

from ekiben.core.errors import ConfigError
from tests.house.tree import ROOT


def note_of(function: Any) -> InferenceAPI:
    """Give the note of a method."""
    found: InferenceAPI = getattr(function, NOTE)
    return found


def test_the_older_decorator() -> None:
    """The options of 0.13 make an inference API, named and described by its function."""

    @bentoml.api(input=DataframeInput(), batch=True)
    def predict(self: Any, df: Any) -> Any:
        """Say which flower it is."""
        return df

    note = note_of(predict)
    assert (note.name, note.route, note.doc) == ("predict", "/predict", "Say which flower it is.")
    assert isinstance(note.input_adapter, DataframeInput)
    assert isinstance(note.output_adapter, DefaultOutput)
    assert (note.batch, note.mb_max_batch_size, note.mb_max_latency, note.tasks) == (True, 4000, 20_000, None)


def test_every_option() -> None:
    """Each option of the older decorator is kept."""

    @bentoml.api(
        input=JsonInput(),
        output=JsonOutput(ensure_ascii=True),
        api_name="score",
        api_doc="Score it.",
        route="v1/score",
        batch=True,
        mb_max_batch_size=10,
        mb_max_latency=500,
    )
    def predict(self: Any, values: Any, tasks: Any) -> Any:
        return values

    note = note_of(predict)
    assert (note.name, note.route, note.doc, note.tasks) == ("score", "/v1/score", "Score it.", "tasks")
    assert (note.mb_max_batch_size, note.mb_max_latency) == (10, 500)
    assert note.describe() == {
        "name": "score",
        "route": "v1/score",
        "docs": "Score it.",
        "input_type": "JsonInput",
        "input_config": {},
        "output_type": "JsonOutput",
        "output_config": {"ensure_ascii": True},
        "batch": True,
        "mb_max_batch_size": 10,
        "mb_max_latency": 500.0,
    }


def test_the_newer_decorator() -> None:
    """Bare, with parentheses and with options of 1.4, `@api` is Ekiben's own."""

    class Service:
        @bentoml.api
        def bare(self, x: int) -> int:
            return x

        @bentoml.api()
        def called(self, x: int) -> int:
            return x

        @bentoml.api(route="/there")
        def routed(self, x: int) -> int:
            return x

    assert [hasattr(getattr(Service, name), NOTE) for name in ("bare", "called", "routed")] == [False] * 3
    made = bentoml.service(Service).__ekiben_service__()
    assert [endpoint.route for endpoint in made.spec.endpoints] == ["/bare", "/called", "/there"]


def test_importing_it_is_light() -> None:
    """`bentoml.api` brings neither NumPy nor a web server."""
    code = "import sys, bentoml\nbentoml.api\nprint({'numpy', 'pandas', 'starlette', 'uvicorn'} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "compat" / "bentoml" / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.stdout.strip() == "set()", said.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"batch": True}, "`input` of `@api` is missing", id="there must be an input"),
        pytest.param({"input": JsonInput}, "must be an adapter, not its class: JsonInput", id="an input is no class"),
        pytest.param({"input": 3}, "must be an input adapter: 3", id="an input is an adapter"),
        pytest.param(
            {"input": JsonInput(), "output": "json"}, "`output` must be an output adapter", id="an output too"
        ),
        pytest.param({"input": DataframeInput()}, "needs `batch=True`: batch=False", id="rows need batches"),
        pytest.param({"input": TfTensorInput()}, "needs `batch=True`: batch=False", id="tensors need batches"),
        pytest.param({"input": JsonInput(), "batch": "yes"}, "`batch` must be True or False", id="batch is a flag"),
        pytest.param({"input": JsonInput(), "api_name": "a b"}, "must be a Python name: 'a b'", id="a name is a name"),
        pytest.param({"input": JsonInput(), "api_name": "metadata"}, "cannot be named `metadata`", id="some are taken"),
        pytest.param({"input": JsonInput(), "route": "a?b"}, "`route` must be a path", id="a route is a path"),
        pytest.param({"input": JsonInput(), "mb_max_batch_size": 0}, "of at least 1", id="a batch has an item"),
        pytest.param({"input": JsonInput(), "mb_max_latency": -1}, "above 0", id="an answer takes time"),
        pytest.param({"input": JsonInput(), "is_batch_input": True}, "write `batch=True`", id="an older option"),
        pytest.param({"input": JsonInput(), "inputs": 1}, "there is no option `inputs`", id="an unknown option"),
    ],
)
def test_a_wrong_option_is_refused_at_once(options: dict[str, Any], words: str) -> None:
    """An option that cannot be is refused where the decorator stands, by its name."""
    with pytest.raises(ConfigError, match=words.replace("(", r"\(").replace("?", r"\?")):

        @bentoml.api(**options)
        def predict(self: Any, value: Any) -> Any:
            return value


def test_a_handler_s_class_is_refused() -> None:
    """What 0.7 took, a handler's class, is answered with what to write instead."""
    with pytest.raises(ConfigError, match=r"write `@api\(input=DataframeInput\(\), …\)`"):
        bentoml.api(DataframeHandler)


def test_the_parameter_for_tasks() -> None:
    """A function with `batch=True` takes `tasks`, one without `task`, and none is `async`."""
    with pytest.raises(ConfigError, match="with batch=True must take `tasks`"):

        @bentoml.api(input=JsonInput(), batch=True)
        def several(self: Any, values: Any, task: Any) -> Any:
            return values

    with pytest.raises(ConfigError, match="with batch=False must take `task`"):

        @bentoml.api(input=JsonInput())
        def single(self: Any, value: Any, tasks: Any) -> Any:
            return value

    with pytest.raises(ConfigError, match="cannot be `async`"):

        @bentoml.api(input=JsonInput())
        async def later(self: Any, value: Any) -> Any:
            return value

    with pytest.raises(ConfigError, match="takes a method"):
        bentoml.api(input=JsonInput())(3)


def test_limits_without_batches_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """A limit of batches does nothing without batches, and a line says so."""
    with caplog.at_level(logging.WARNING, logger="ekiben"):

        @bentoml.api(input=JsonInput(), mb_max_latency=100)
        def predict(self: Any, value: Any) -> Any:
            return value

    assert "`mb_max_latency` of the API `predict` changes nothing without `batch=True`" in caplog.text
    assert note_of(predict).batch is False


def test_the_apis_of_a_class() -> None:
    """A class has its own APIs and those of its bases; one that is overridden counts once."""

    class Base:
        @bentoml.api(input=JsonInput())
        def first(self, value: Any) -> Any:
            return value

        @bentoml.api(input=JsonInput())
        def second(self, value: Any) -> Any:
            return value

    class Derived(Base):
        @bentoml.api(input=JsonInput(), batch=True)
        def second(self, value: Any) -> Any:
            return value

        @bentoml.api(input=JsonInput())
        def third(self, value: Any) -> Any:
            return value

    assert [(api.name, api.batch) for api in collect(Derived)] == [("first", False), ("second", True), ("third", False)]
    made = Derived()
    assert collect(Derived)[0].of(made).user_func(5) == 5
    assert "application/json" in collect(Derived)[0].request_schema


def test_two_apis_of_one_name() -> None:
    """Two methods cannot give one API."""

    class Twice:
        @bentoml.api(input=JsonInput(), api_name="same")
        def first(self, value: Any) -> Any:
            return value

        @bentoml.api(input=JsonInput(), api_name="same")
        def second(self, value: Any) -> Any:
            return value

    with pytest.raises(ConfigError, match="two inference APIs named `same`"):
        collect(Twice)
