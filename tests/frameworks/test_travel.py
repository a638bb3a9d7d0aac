"""A model trained by one script works where none of the training's sources are."""

from pathlib import Path

import pytest

TRAIN = """
import sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.svm import SVC
import ekiben.models, ekiben.picklable_model, ekiben.sklearn

def main():
    scale, labels = 2.0, ["setosa", "versicolor", "virginica"]
    X, y = load_iris(return_X_y=True)

    def preprocess(rows: list) -> "np.ndarray":
        return np.asarray(rows) * scale

    def postprocess(kinds):
        return [labels[kind] for kind in kinds]

    model = SVC().fit(preprocess(X), y)
    custom = {"preprocess": preprocess, "postprocess": postprocess, "labels": labels, "mean": X.mean(axis=0)}
    ekiben.sklearn.save_model("iris", model, custom_objects=custom)
    ekiben.picklable_model.save_model("call", lambda rows: postprocess(model.predict(preprocess(rows))))
    for name in ("iris", "call"):
        ekiben.models.export_model(f"{name}:latest", f"{sys.argv[1]}/{name}.bentomodel")
    print(postprocess(model.predict(preprocess(X[::50]))))

main()
"""
USE = """
import sys
from sklearn.datasets import load_iris
import ekiben.models
iris, call = (ekiben.models.import_model(f"{sys.argv[1]}/{name}.bentomodel") for name in ("iris", "call"))
kept, rows = iris.custom_objects, load_iris().data[::50]
print(kept["postprocess"](iris.load_model().predict(kept["preprocess"](rows))))
assert call.load_model()(rows) == kept["postprocess"](iris.load_model().predict(kept["preprocess"](rows)))
assert kept["labels"][0] == "setosa" and kept["mean"].shape == (4,)
"""


@pytest.mark.slow
def test_export_and_import(python, tmp_path: Path) -> None:
    """Nested functions that close over locals, data and models give the same in another home, folder and process."""
    trained = python(TRAIN, str(tmp_path))
    (tmp_path / "other").mkdir()
    used = python(USE, str(tmp_path), cwd=tmp_path / "other", EKIBEN_HOME=str(tmp_path / "home"))
    assert used.stdout == trained.stdout == "['setosa', 'versicolor', 'virginica']\n"
