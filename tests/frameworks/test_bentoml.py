"""What the real BentoML saved with a framework is loaded as it is, and BentoML takes in what we saved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import xgboost
from onnx import TensorProto, helper, numpy_helper
from sklearn.svm import SVC

import ekiben.models
import ekiben.onnx
import ekiben.picklable_model
import ekiben.sklearn
import ekiben.xgboost
from ekiben.frameworks import onnx as onnx_room
from ekiben.services.load import load
from tests.store import bentoml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

LIBRARIES = ("lightgbm", "onnx", "onnxruntime", "xgboost-cpu")

SAVE = """
import json, sys
import bentoml, lightgbm, numpy as np, onnx, xgboost
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_iris
from sklearn.svm import SVC

X, y = load_iris(return_X_y=True)
rows = X[::10]
def infer(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
weights = np.arange(8, dtype=np.float32).reshape(4, 2)
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [infer("x", ["rows", 4])],
                          [infer("y", ["rows", 2])], [numpy_helper.from_array(weights, "w")])
product = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
classifier = xgboost.XGBClassifier(n_estimators=3).fit(X, y)
light = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, y)
svc = SVC().fit(X, y)
told = {}
def keep(name, module, model, expected):
    saved = getattr(bentoml, module).save_model(name, model, labels={"by": module})
    bentoml.models.export_model(saved.tag, f"{sys.argv[1]}/{name}.bentomodel")
    told[name] = [str(saved.tag), np.asarray(expected).tolist()]
keep("svc", "sklearn", svc, svc.predict(rows))
keep("xgb_classifier", "xgboost", classifier, classifier.predict(rows))
keep("xgb_booster", "xgboost", classifier.get_booster(), classifier.predict_proba(rows))
keep("lgbm_classifier", "lightgbm", light, light.booster_.predict(rows))
keep("lgbm_booster", "lightgbm", light.booster_, light.booster_.predict(rows))
keep("product", "onnx", product, rows.astype(np.float32) @ weights)
keep("call", "picklable_model", lambda value: np.asarray(value).sum(axis=1), rows.sum(axis=1))
print(json.dumps(told))
"""
MODELS = ("svc", "xgb_classifier", "xgb_booster", "lgbm_classifier", "lgbm_booster", "product", "call")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Give a folder with a home and archives that BentoML wrote, and by model its tag and what it predicts."""
    folder = tmp_path_factory.mktemp("bentoml")
    printed = bentoml.run(SAVE, folder / "home", folder, libraries=LIBRARIES)
    return folder, json.loads(printed.splitlines()[-1])


def answer(tag: str, rows: np.ndarray) -> Any:
    """Load a stored model, and let it answer as its endpoint does."""
    served = load(f"model:{tag}").create({})
    name = next(name for name in ("predict", "run") if hasattr(served, name))
    return getattr(served, name)(rows)


@pytest.mark.parametrize("name", MODELS)
def test_their_store_is_read(name: str, theirs: tuple[Path, dict[str, Any]], rows) -> None:
    """A model in a home of BentoML's answers without code what it answered there."""
    folder, told = theirs
    tag, expected = told[name]
    with ekiben.models.use_home(folder / "home"):
        assert ekiben.models.get(name).info.labels["by"] in ekiben.models.get(tag).info.module
        assert np.allclose(answer(tag, rows[0][::10]), expected, rtol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_their_archives_are_imported(name: str, theirs: tuple[Path, dict[str, Any]], rows) -> None:
    """So does an archive that BentoML exported, once it is imported."""
    folder, told = theirs
    tag, expected = told[name]
    assert str(ekiben.models.import_model(folder / f"{name}.bentomodel").tag) == tag
    assert np.allclose(answer(tag, rows[0][::10]), expected, rtol=1e-6)


def test_their_classifier_is_one_again(theirs: tuple[Path, dict[str, Any]]) -> None:
    """BentoML keeps the class of an XGBoost model, and of a LightGBM model the booster."""
    folder, _ = theirs
    with ekiben.models.use_home(folder / "home"):
        assert type(ekiben.xgboost.load_model("xgb_classifier")) is xgboost.XGBClassifier
        assert type(ekiben.models.get("lgbm_classifier").load_model()).__name__ == "Booster"


IMPORT = """
import json, sys
import bentoml, numpy as np, onnxruntime, xgboost
rows = np.asarray(json.loads(sys.argv[2]))
names = ("flowers", "product", "call")
found = {name: bentoml.models.import_model(f"{sys.argv[1]}/{name}.bentomodel") for name in names}
booster = xgboost.Booster(model_file=found["flowers"].path_of("saved_model.ubj"))
session = onnxruntime.InferenceSession(found["product"].path_of("saved_model.onnx"))
print(json.dumps({
    "modules": [model.info.module for model in found.values()],
    "flowers": booster.inplace_predict(rows).tolist(),
    "product": session.run(None, {"x": rows.astype(np.float32)})[0].tolist(),
}))
"""


def test_they_import_ours(rows, tmp_path: Path) -> None:
    """BentoML imports our archives; what is in the libraries' own formats they read there."""
    classifier = xgboost.XGBClassifier(n_estimators=3).fit(*rows)
    place = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name, width in (("x", 4), ("y", 2))
    ]
    weights = np.arange(8, dtype=np.float32).reshape(4, 2)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", place[:1], place[1:], [numpy_helper.from_array(weights, "w")])
    product: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    for saved in (
        ekiben.xgboost.save_model("flowers", classifier),
        ekiben.onnx.save_model("product", product),
        ekiben.picklable_model.save_model("call", SVC().fit(*rows).predict),
    ):
        saved.export(tmp_path / f"{saved.tag.name}.bentomodel")
    some = rows[0][::10]
    printed = bentoml.run(IMPORT, tmp_path / "home", tmp_path, json.dumps(some.tolist()), libraries=LIBRARIES)
    told = json.loads(printed.splitlines()[-1])
    assert told["modules"] == ["ekiben.xgboost", "ekiben.onnx", "ekiben.picklable_model"]
    assert np.allclose(told["flowers"], classifier.predict_proba(some))
    assert np.allclose(told["product"], onnx_room.run(product, some))
