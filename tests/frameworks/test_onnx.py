"""ONNX models are kept as they are, and run as sessions whose endpoint takes plain values."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

import ekiben.models
import ekiben.onnx
from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.core.spec import Convention
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from ekiben.frameworks import onnx as room
from ekiben.frameworks.api import model_store
from ekiben.frameworks.onnx_values import feed, plain, tensor
from ekiben.schema.codec import plan
from ekiben.services.stored import bind_model

WEIGHTS = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 1.0], [3.0, 0.0]], np.float32)
ROWS = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0], [5.0, 0.0, 0.0, 0.0]])


def place(name: str, kind: int = TensorProto.FLOAT, shape: Any = ("rows", 4)) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def make(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: np.ndarray = WEIGHTS) -> onnx.ModelProto:
    """Make a model of a few nodes."""
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [numpy_helper.from_array(weights, "w")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.fixture(scope="module")
def scores() -> onnx.ModelProto:
    """A model that multiplies its rows by the weights."""
    return make([helper.make_node("MatMul", ["x", "w"], ["y"])], [place("x")], [place("y", shape=("rows", 2))])


def store(data: bytes, **options: Any) -> ekiben.Model:
    """Put a file that we did not write into the store."""
    with ekiben.models.create("other", module="ekiben.onnx", options=options) as saved:
        (saved.path / "saved_model.onnx").write_bytes(data)
    return saved


async def ask(stored: ekiben.Model, *values: Any) -> list[Any]:
    """Send values to the served endpoint at once, each in a call of its own."""
    bound = bind_model(stored)
    dispatcher = LocalDispatcher(bound, {name: plan(signature) for name, signature in bound.signatures.items()})
    await dispatcher.start()
    try:
        calls = [dispatcher.submit(Call("run", (value,), {})) for value in values]
        return await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await dispatcher.stop()


def test_it_comes_back_as_a_session(scores) -> None:
    """The file is read without unpickling; the session gives what the model gives."""
    saved = ekiben.onnx.save_model("scores", scores, custom_objects={"names": ["a", "b"]})
    session = ekiben.onnx.load_model("scores")
    assert isinstance(session, onnxruntime.InferenceSession)
    assert np.allclose(session.run(None, {"x": ROWS.astype(np.float32)})[0], ROWS @ WEIGHTS)
    assert (saved.info.format, saved.custom_objects["names"]) == ("onnx", ["a", "b"])
    assert not ekiben.onnx.save_model("plain", scores).info.needs_unpickling
    assert saved.info.signatures["run"].batchable
    assert {"onnx", "onnxruntime"} <= saved.info.context["framework_versions"].keys()


def test_it_travels(scores, travel) -> None:
    """A process that has none of the training's code gives the same answers."""
    saved = ekiben.models.save("scores", scores, sample=ROWS[:2])
    assert np.allclose(travel(saved, ROWS, "run"), ROWS @ WEIGHTS)


async def test_calls_are_joined(scores) -> None:
    """Rows of several calls run together; one of another width fails alone, with the model's words."""
    saved = ekiben.onnx.save_model("scores", scores)
    assert bind_model(saved).spec.endpoints[0].convention is Convention.STACKED
    first, wrong, second = await ask(saved, ROWS[:1], ROWS[:, :3], ROWS[1:])
    assert np.allclose(np.concatenate([first, second]), ROWS @ WEIGHTS)
    assert isinstance(wrong, InvalidInput)
    assert "the model does not take this value: " in str(wrong)
    assert "invalid dimensions for input: x" in str(wrong)


async def test_several_outputs() -> None:
    """Several outputs are answered by name, for each call its own rows; text is text."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("ArgMax", ["y"], ["number"], axis=1, keepdims=0),
        helper.make_node(
            "LabelEncoder", ["number"], ["label"], domain="ai.onnx.ml", keys_int64s=[0, 1], values_strings=["no", "yes"]
        ),
    ]
    outputs = [place("label", TensorProto.STRING, ("rows",)), place("y", shape=("rows", 2))]
    saved = ekiben.onnx.save_model("labels", make(nodes, [place("x")], outputs), sample=ROWS[:2])
    first, second = await ask(saved, ROWS[:1], ROWS[1:])
    assert list(first) == ["label", "y"]
    labels = np.array(["no", "yes"])[(ROWS @ WEIGHTS).argmax(1)].tolist()
    assert (list(first["label"]), list(second["label"])) == (labels[:1], labels[1:])
    assert np.allclose(second["y"], ROWS[1:] @ WEIGHTS)


async def test_several_inputs() -> None:
    """Several inputs are given by name, and one that is missing is named; a frame has a column for each."""
    columns = [place(name, shape=("rows", 1)) for name in ("a", "b")]
    add = make([helper.make_node("Add", ["a", "b"], ["y"])], columns, [place("y", shape=("rows", 1))])
    named = ekiben.onnx.save_model("add", add, sample={"a": [[1.0]], "b": [[2.0]]})
    assert not named.info.signatures["run"].batchable
    [good, wrong] = await ask(named, {"a": [[1.0]], "b": [[5.0]]}, {"a": [[1.0]]})
    assert good.tolist() == [[6.0]]
    assert "it takes the inputs a, b: a" in str(wrong)
    framed = ekiben.onnx.save_model("add", add, sample=pd.DataFrame({"a": [1.0], "b": [2.0]}))
    assert framed.info.signatures["run"].batchable
    [answer] = await ask(framed, pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}))
    assert answer.tolist() == [[4.0], [6.0]]


def test_a_fixed_length_is_not_joined() -> None:
    """A model for one row at a time is served so."""
    one = make([helper.make_node("MatMul", ["x", "w"], ["y"])], [place("x", shape=(1, 4))], [place("y", shape=(1, 2))])
    saved = ekiben.onnx.save_model("one", one)
    assert not saved.info.signatures["run"].batchable
    assert not room.methods(saved.load_model())["run"].batchable


def test_where_it_runs(scores) -> None:
    """Providers are those that are asked for; one that is not here is refused, and not left out."""
    saved = ekiben.onnx.save_model("scores", scores)
    session = ekiben.onnx.load_model(saved, providers=["CPUExecutionProvider"])
    assert session.get_providers() == ["CPUExecutionProvider"]
    options = [("CPUExecutionProvider", {"use_arena": "1"})]
    assert ekiben.onnx.load_model(saved, providers=options).get_providers() == ["CPUExecutionProvider"]
    for wrong in (["NoSuchExecutionProvider"], "CPUExecutionProvider", 7):
        with pytest.raises(ConfigError, match="`providers` must be") as caught:
            saved.load_model(providers=wrong)
        assert "CPUExecutionProvider" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "providers",
    [
        pytest.param([["CPUExecutionProvider", {"backend_path": "evil.so"}]], id="a library to load"),
        pytest.param({"CPUExecutionProvider": {}}, id="a mapping"),
        pytest.param("CPUExecutionProvider", id="a text"),
    ],
)
def test_a_stored_model_gives_no_options_to_providers(providers: Any, scores) -> None:
    """Who wrote a model.yaml says where it runs, and nothing that ONNX Runtime could load on the way."""
    with model_store().create("told", module="ekiben.onnx", options={"providers": providers}) as saved:
        onnx.save_model(scores, saved.path / room.FILE)
    with pytest.raises(StoreError, match="may list names only as `providers`"):
        ekiben.onnx.load_model("told")


def test_a_stored_model_names_its_providers(scores) -> None:
    """Names alone are taken, as before."""
    with model_store().create("told", module="ekiben.onnx", options={"providers": ["CPUExecutionProvider"]}) as saved:
        onnx.save_model(scores, saved.path / room.FILE)
    assert ekiben.onnx.load_model("told").get_providers() == ["CPUExecutionProvider"]


def test_session_options(scores) -> None:
    """Options of ONNX Runtime reach the session; anything else is refused."""
    saved = ekiben.onnx.save_model("scores", scores)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 3
    assert saved.load_model(session_options=options).get_session_options().intra_op_num_threads == 3
    with pytest.raises(ConfigError, match=r"`session_options` must be an onnxruntime\.SessionOptions: 3"):
        saved.load_model(session_options=3)


def test_threads_are_those_of_the_worker(scores, monkeypatch) -> None:
    """A session takes the threads that a server leaves each worker."""
    saved = ekiben.onnx.save_model("scores", scores)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert saved.load_model().get_session_options().intra_op_num_threads == 2
    assert (room.threads({}), room.threads({"OMP_NUM_THREADS": "2,1"})) == (0, 0)


def test_a_file(scores, tmp_path: Path) -> None:
    """A path is read as the model in it; what is none is refused."""
    onnx.save_model(scores, tmp_path / "a.onnx")
    assert ekiben.onnx.save_model("scores", tmp_path / "a.onnx").load_model().get_inputs()[0].name == "x"
    (tmp_path / "b.onnx").write_bytes(scores.SerializeToString()[:-5])
    for path in (tmp_path / "b.onnx", tmp_path / "c.onnx"):
        with pytest.raises(ConfigError, match=r"`model` must be .*the path of an"):
            ekiben.onnx.save_model("scores", path)


def test_large_weights_go_apart(monkeypatch) -> None:
    """What one protobuf message cannot hold lies beside it, and the model given stays as it was."""
    weights = np.random.default_rng(0).random((4, 500), dtype=np.float32)
    wide = make(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], [place("x")], [place("y", shape=("rows", 500))], weights
    )
    before = wide.SerializeToString()
    monkeypatch.setattr(room, "LARGEST", 1000)
    saved = ekiben.onnx.save_model("wide", wide)
    assert saved.path_of("saved_model.weights").stat().st_size == weights.nbytes
    assert wide.SerializeToString() == before
    assert np.allclose(saved.load_model().run(None, {"x": ROWS.astype(np.float32)})[0], ROWS @ weights, rtol=1e-5)


def test_whose_it_is(scores) -> None:
    """Other objects and unsound models are refused with one line, and nothing is stored."""
    with pytest.raises(ConfigError, match=r"object of onnx: it is a builtins\.bytes"):
        ekiben.onnx.save_model("scores", scores.SerializeToString())
    unsound = make([helper.make_node("NoSuchOperator", ["x"], ["y"])], [place("x")], [place("y")])
    with pytest.raises(ConfigError, match="`model` must be a sound ONNX model: No Op registered for NoSuchOperator"):
        ekiben.onnx.save_model("unsound", unsound)
    with pytest.raises(ConfigError, match=r"must name methods of the model.*'predict'"):
        ekiben.onnx.save_model("scores", scores, signatures=["predict"])
    assert ekiben.models.list() == []


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_without_the_library(library: str, monkeypatch) -> None:
    """One line says how to install what is missing."""
    stored = store(b"x")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=f"needs the library `{library}`") as caught:
        ekiben.onnx.save_model("a", 1) if library == "onnx" else stored.load_model()
    assert caught.value.hint == "pip install 'ekiben[onnx]'"


def test_a_session_needs_no_onnx(scores, monkeypatch) -> None:
    """A server that only runs models does without the library onnx."""
    saved = ekiben.onnx.save_model("scores", scores)
    monkeypatch.setitem(sys.modules, "onnx", None)
    session = saved.load_model()
    assert np.allclose(room.methods(session)["run"].of(session, "run")(ROWS), ROWS @ WEIGHTS)


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda data: b"", id="nothing"),
        pytest.param(lambda data: data[:-5], id="the end is missing"),
        pytest.param(lambda data: data[:20], id="a few bytes"),
        pytest.param(lambda data: b"\x80\x05\x95" + data, id="a pickle"),
        pytest.param(lambda data: b"{}" * 30, id="JSON"),
        pytest.param(lambda data: data.replace(b"MatMul", b"MatMux"), id="an operator that is not there"),
    ],
)
def test_damaged_files(cut: Any, scores) -> None:
    """A file that is cut short or of another kind is one clear error that names the model."""
    stored = store(cut(scores.SerializeToString()))
    with pytest.raises(StoreError, match=f"{stored.tag} cannot be run by ONNX Runtime: ") as caught:
        stored.load_model()
    assert "verify" in (caught.value.hint or "")


def test_no_file() -> None:
    """A model without its file says which one it needs."""
    with ekiben.models.create("empty", module="ekiben.onnx"):
        pass
    with pytest.raises(StoreError, match=r"must hold saved_model\.onnx"):
        ekiben.onnx.load_model("empty")


@pytest.mark.parametrize("location", ["../secret", "{root}/secret"])
def test_weights_outside_the_model(location: str, tmp_path: Path) -> None:
    """A forged model cannot read files beside it as its weights."""
    forged = make([helper.make_node("MatMul", ["x", "w"], ["y"])], [place("x")], [place("y", shape=("rows", 2))])
    weights = forged.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    stored = store(b"")
    secret = stored.path.parent / "secret"
    secret.write_bytes(WEIGHTS.tobytes())
    for key, value in (("location", location.format(root=stored.path.parent)), ("length", str(WEIGHTS.nbytes))):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    os.chmod(stored.path / "saved_model.onnx", 0o644)
    (stored.path / "saved_model.onnx").write_bytes(forged.SerializeToString())
    with pytest.raises(StoreError, match=r"(?i)external data"):
        stored.load_model()


class Place:
    """What a session says of an input."""

    def __init__(self, kind: str, shape: list[Any]) -> None:
        self.name, self.type, self.shape = "x", kind, shape


@pytest.mark.parametrize(
    ("kind", "shape", "value", "expected"),
    [
        pytest.param("tensor(float)", [None, 2], [[1, 2]], ("float32", [[1.0, 2.0]]), id="whole numbers for numbers"),
        pytest.param("tensor(int64)", [None], [1.0, 2.0], ("int64", [1, 2]), id="numbers that are whole"),
        pytest.param("tensor(int64)", [None], [1.5], None, id="numbers that are not"),
        pytest.param("tensor(uint8)", [None], [300], None, id="a number too large"),
        pytest.param("tensor(bool)", [None], [True], ("bool", [True]), id="truth"),
        pytest.param("tensor(bool)", [None], [2], None, id="a number for truth"),
        pytest.param("tensor(string)", [None], ["a"], ("object", ["a"]), id="text"),
        pytest.param("tensor(string)", [None], [1], None, id="a number for text"),
        pytest.param("tensor(float)", [None], ["a"], None, id="text for a number"),
        pytest.param("tensor(float)", [None, 2], [1.0, 2.0], None, id="an axis too few"),
        pytest.param("tensor(float)", [], [[1.0]], ("float32", [[1.0]]), id="a shape that nobody knows"),
    ],
)
def test_tensors(kind: str, shape: list[Any], value: Any, expected: Any) -> None:
    """A value becomes the tensor that an input takes, or is refused; it never becomes another value."""
    if expected is None:
        with pytest.raises(ValueError, match="`x` must"):
            tensor(Place(kind, shape), value)
        return
    array = tensor(Place(kind, shape), value)
    assert (str(array.dtype), array.tolist()) == expected


def test_other_values() -> None:
    """What is no tensor goes and comes as it is; labels of scores become text, as JSON has it."""
    assert feed([Place("seq(int64)", [])], [1, 2]) == {"x": [1, 2]}
    assert plain([{0: 0.25, 1: 0.75}]) == [{"0": 0.25, "1": 0.75}]
    assert plain(np.array(["a"], object)).dtype.kind == "U"
