"""Estimators of scikit-learn, boosters of XGBoost and LightGBM answer elsewhere as here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bentoml.frameworks.lightgbm import LightGBMModelArtifact
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.frameworks.xgboost import XgboostModelArtifact

from compat.bentoml.tests.frameworks.trips import travel

pytestmark = pytest.mark.timeout(240)

DATA = np.array([[float(number), float(number % 3)] for number in range(60)])
KINDS = (DATA[:, 0] > 30).astype(int)
ROWS = [[1.0, 2.0], [45.0, 0.5]]


def test_sklearn(tmp_path: Path) -> None:
    """A pipeline, and its package by the name that it is installed by."""
    pipeline: Any = pytest.importorskip("sklearn.pipeline", reason="an extra of the development environment")
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    model = pipeline.make_pipeline(StandardScaler(), SVC()).fit(DATA, KINDS)
    trip = travel(tmp_path, SklearnModelArtifact, model, ROWS, body="model.predict(rows).tolist()")
    assert "scikit-learn" in trip.requirements()


def test_xgboost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A booster, without a pickle."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    xgboost: Any = pytest.importorskip("xgboost", reason="an extra of the development environment")
    model = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(DATA, KINDS), 3)
    body = "model.predict(xgboost.DMatrix(np.array(rows))).tolist()"
    trip = travel(tmp_path, XgboostModelArtifact, model, ROWS, body=body, imports="import xgboost, numpy as np")
    assert {"xgboost", "xgboost-cpu"} & set(trip.requirements())


def test_lightgbm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A booster, without a pickle."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    lightgbm: Any = pytest.importorskip("lightgbm", reason="an extra of the development environment")
    model = lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(DATA, KINDS), 3)
    trip = travel(tmp_path, LightGBMModelArtifact, model, ROWS, body="model.predict(rows).tolist()")
    assert "lightgbm" in trip.requirements()
