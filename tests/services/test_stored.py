"""A stored model is served without code: endpoints, types, batches and errors come from the model."""

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC

import ekiben
from ekiben.core.errors import InvalidInput, ServiceLoadError
from ekiben.core.front import Front, enter
from ekiben.core.spec import BatchSpec, BoundService, Convention, Style
from ekiben.engine.local import LocalDispatcher
from ekiben.engine.messages import Call
from ekiben.frameworks.handle import Model
from ekiben.schema.codec import Codec, plan
from ekiben.services.stored import bind_model

ROWS = np.array([[5.1, 3.5], [6.7, 3.0], [5.0, 3.4], [6.9, 3.1]])
CLASSES = [0, 1, 0, 1]


def save(model: Any, **options: Any) -> Model:
    stored: Model = ekiben.sklearn.save_model("iris", model, **options)
    return stored


def codec(bound: BoundService, name: str = "predict") -> Codec:
    return plan(bound.signatures[name])


async def ask(bound: BoundService, name: str, *values: Any) -> list[Any]:
    """Send values at once, each in a call of its own."""
    dispatcher = LocalDispatcher(bound, {each: plan(signature) for each, signature in bound.signatures.items()})
    await dispatcher.start()
    try:
        calls = [dispatcher.submit(Call(name, (value,), {})) for value in values]
        return await asyncio.gather(*calls, return_exceptions=True)
    finally:
        await dispatcher.stop()


def test_spec() -> None:
    """The endpoints are the model's methods; calls are joined, and a bad one fails alone."""
    model = save(SVC().fit(ROWS, CLASSES), sample=ROWS[:2])
    spec = bind_model(model).spec
    assert {endpoint.name: endpoint.route for endpoint in spec.endpoints}["predict"] == "/predict"
    assert (spec.name, spec.version) == ("iris", model.tag.version)
    [ref] = spec.models
    assert (ref.resolved, ref.digest) == (str(model.tag), model.digest)
    endpoint = spec.endpoints[0]
    assert (endpoint.convention, endpoint.batch, endpoint.isolate) == (Convention.STACKED, BatchSpec(), True)


def test_style() -> None:
    """A stored model answers in the style of the front that it is served under."""
    model = save(SVC().fit(ROWS, CLASSES))
    with enter(Front(style=Style(error_style="object"))):
        assert bind_model(model).spec.style.error_style == "object"


def test_types_from_the_sample() -> None:
    """Input and output are described by the sample: dtype, width, an open number of rows."""
    bound = bind_model(save(SVC().fit(ROWS, CLASSES), sample=ROWS[:2]))
    reads = codec(bound)
    assert (reads.input_schema["x-dtype"], reads.input_schema["x-shape"]) == ("float64", [-1, 2])
    assert reads.output_schema["x-dtype"] == "int64"
    (value,), _ = reads.from_json(b"[[1, 2]]")
    assert value.dtype == "float64"
    for body in (b"[[1, 2, 3]]", b"[1, 2]", b'[["a", "b"]]', b'{"x": 1}', b"[[1, null]]"):
        with pytest.raises(InvalidInput):
            reads.from_json(body)
    assert next(value.tolist() for value in bound.samples.values()) == ROWS[:2].tolist()


def test_batch_axis() -> None:
    """The open length is that of the batch axis."""
    model = save(SVC().fit(ROWS, CLASSES), signatures={"predict": {"batchable": True, "batch_dim": [0, 0]}})
    assert bind_model(model).spec.endpoints[0].batch == BatchSpec()
    alone = save(SVC().fit(ROWS, CLASSES), signatures={"predict": {"batchable": False}})
    endpoint = bind_model(alone).spec.endpoints[0]
    assert (endpoint.batch, endpoint.isolate, endpoint.convention) == (None, False, Convention.ONE_VALUE)


async def test_answers_and_mistakes() -> None:
    """Calls are answered together, and a value that the model refuses is the caller's mistake, with its words."""
    bound = bind_model(save(SVC().fit(ROWS, CLASSES), sample=ROWS[:2]))
    bad = np.array([[np.inf, 1.0]])
    first, wrong, second = await ask(bound, "predict", ROWS[:1], bad, ROWS[1:])
    assert (first.tolist(), second.tolist()) == ([0], [1, 0, 1])
    assert isinstance(wrong, InvalidInput)
    assert "the model does not take this value: Input X contains infinity" in str(wrong)


async def test_without_a_sample() -> None:
    """Without a sample any array is taken, and the model says what it thinks of it."""
    bound = bind_model(save(SVC().fit(ROWS, CLASSES)))
    assert bound.samples == {}
    good, wrong = await ask(bound, "predict", ROWS[:1], np.ones((1, 5)))
    assert good.tolist() == [0]
    assert isinstance(wrong, InvalidInput)


async def test_frames() -> None:
    """A model that was trained on a frame takes records, and gets its columns in their dtypes."""
    frame = pd.DataFrame({"age": [30, 40, 50, 60], "city": ["Rome", "Oslo", "Rome", "Oslo"]})
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["city"]), remainder="passthrough"), LogisticRegression()
    ).fit(frame, CLASSES)
    bound = bind_model(save(pipeline, sample=frame[:2]))
    reads = codec(bound)
    (value,), _ = reads.from_json(b'[{"city": "Rome", "age": 33.0}]')
    assert {name: str(dtype) for name, dtype in value.dtypes.items()} == {
        name: str(dtype) for name, dtype in frame.dtypes.items()
    }
    [answer] = await ask(bound, "predict", value)
    assert len(answer) == 1
    for body in (
        b'[{"city": "Rome"}]',
        b'[{"city": "Rome", "age": "old"}]',
        b'[{"city": "Rome", "age": null}]',
        b"[1]",
    ):
        with pytest.raises(InvalidInput):
            reads.from_json(body)


async def test_texts() -> None:
    """A model of texts takes a list of text, and joins the lists of several calls."""
    texts = ["good", "bad", "good day", "bad day"]
    model = save(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, CLASSES), sample=texts)
    bound = bind_model(model)
    assert codec(bound).from_json(b'["good"]') == ((["good"],), {})
    with pytest.raises(InvalidInput, match=r"\[0\]"):
        codec(bound).from_json(b"[1]")
    first, second = await ask(bound, "predict", ["good"], ["bad", "good"])
    assert (list(first), list(second)) == ([0], [1, 0])


async def test_sparse_answers() -> None:
    """A sparse answer becomes an array, which can be split and written."""
    texts = ["a cat", "a dog"]
    model = save(TfidfVectorizer().fit(texts), signatures={"transform": {"batchable": True}}, sample=texts)
    [answer] = await ask(bind_model(model), "transform", ["cat"])
    assert answer.shape == (1, 2)


@pytest.mark.parametrize("sample", [None, "a b", {"text": "a"}])
async def test_functions(sample: Any) -> None:
    """A pickled function is served at `/predict`, takes what its sample is, and one call at a time."""
    model = ekiben.picklable_model.save_model("count", str, sample=sample)
    bound = bind_model(model)
    [endpoint] = bound.spec.endpoints
    assert (endpoint.name, endpoint.route, endpoint.batch) == ("predict", "/predict", None)
    [answer] = await ask(bound, "predict", {"text": "b"} if isinstance(sample, dict) else "b")
    assert answer in ("b", "{'text': 'b'}")


def test_no_method() -> None:
    """A model that names no method cannot be served, and the error says how to save it."""
    with ekiben.models.create("files") as model:
        (model.path / "a.txt").write_text("a")
    with pytest.raises(ServiceLoadError, match="names no method to serve") as caught:
        bind_model(model)
    assert caught.value.hint == "save it with `signatures=`"
