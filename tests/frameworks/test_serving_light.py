"""Models of XGBoost, LightGBM and ONNX in a real server: right answers to many callers at once, in batches."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from onnx import TensorProto, helper, numpy_helper

import ekiben.models
from tests.servers import Running, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3)


def product() -> Any:
    """Make an ONNX model that multiplies its rows by the weights."""
    places = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name, width in (("x", 4), ("y", 3))
    ]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "graph", places[:1], places[1:], [numpy_helper.from_array(WEIGHTS, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def booster(rows: Any) -> xgboost.Booster:
    return xgboost.XGBClassifier(n_estimators=3).fit(*rows).get_booster()


def classifier(rows: Any) -> lightgbm.LGBMClassifier:
    return lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(*rows)


def ask_at_once(server: Running, route: str, rows: np.ndarray) -> np.ndarray:
    """Send each row in a request of its own, all at once."""

    def ask(row: np.ndarray) -> np.ndarray:
        answer = server.http.post(route, json=row[None].tolist())
        assert answer.status_code == 200, answer.text
        return np.asarray(answer.json())

    with ThreadPoolExecutor(30) as pool:
        return np.concatenate(list(pool.map(ask, rows)))


@pytest.mark.parametrize(
    ("make", "route", "expect"),
    [
        pytest.param(booster, "/predict", lambda model, rows: model.inplace_predict(rows), id="xgboost"),
        pytest.param(classifier, "/predict_proba", lambda model, rows: model.predict_proba(rows), id="lightgbm"),
        pytest.param(lambda rows: product(), "/run", lambda model, rows: rows @ WEIGHTS, id="onnx"),
    ],
)
def test_served_without_code(make: Callable[[Any], Any], route: str, expect: Any, rows) -> None:
    """Each caller gets the answer to its own row; a wrong width is the caller's mistake; batches are counted."""
    model, some = make(rows), rows[0][::3]
    ekiben.models.save("flowers", model, sample=some[:2])
    with serving("flowers:latest") as server:
        assert np.allclose(ask_at_once(server, route, some), expect(model, some), rtol=1e-5)
        assert server.http.post(route, json=[[1.0, 2.0]]).status_code == 400
        schema = server.http.get("/schema.json").json()
        sizes = [line for line in server.http.get("/metrics").text.splitlines() if "batch_size_sum" in line]
    assert route in str(schema)
    assert sizes
