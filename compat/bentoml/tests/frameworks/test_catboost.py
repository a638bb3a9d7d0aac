"""Models of CatBoost travel in its own binary form, which holds no code."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.catboost import CatBoostModelArtifact

from compat.bentoml.tests.frameworks.trips import refuses, travel
from ekiben.exceptions import InvalidInput, StoreError
from tests.libraries import later

catboost: Any = later("catboost")

pytestmark = [pytest.mark.heavy, pytest.mark.boosters, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

ROWS = [[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]]
DATA = [[float(number), float(number % 3)] for number in range(20)]
QUIET: dict[str, Any] = {"iterations": 3, "verbose": False, "allow_writing_files": False, "random_seed": 1}


def test_a_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A classifier of words answers elsewhere with words and chances, without a pickle."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    model = catboost.CatBoostClassifier(**QUIET).fit(DATA, ["small" if row[0] < 10 else "large" for row in DATA])
    body = "[[str(model.predict([row])[0]), *model.predict_proba([row])[0].tolist()] for row in rows]"
    trip = travel(tmp_path, CatBoostModelArtifact, model, ROWS, body=body)
    assert trip.requirements()["catboost"] == catboost.__version__


@pytest.mark.parametrize(
    ("model_type", "name"),
    [("regressor", "CatBoostRegressor"), ("ranker", "CatBoost")],
)
def test_other_kinds(tmp_path: Path, model_type: str, name: str) -> None:
    """`model_type` says which class a loaded model has; other words are those of the plain one."""
    options = {**QUIET, "loss_function": "RMSE"}
    model = catboost.CatBoost(options) if name == "CatBoost" else catboost.CatBoostRegressor(**options)
    model.fit(DATA, [row[0] for row in DATA])
    CatBoostModelArtifact("model", model_type).pack(model).save(str(tmp_path))
    found = CatBoostModelArtifact("model", model_type).load(str(tmp_path)).get()
    assert type(found).__name__ == name
    assert found.predict(ROWS).tolist() == model.predict(ROWS).tolist()


def test_what_is_refused(tmp_path: Path) -> None:
    """Another object, a model that was not trained, and a damaged file are told with the artifact's name."""
    refuses(CatBoostModelArtifact("model"), [1], "a model of CatBoost")
    with pytest.raises(InvalidInput, match=r"the artifact `model` cannot be written: .+") as caught:
        CatBoostModelArtifact("model").pack(catboost.CatBoostClassifier(**QUIET)).save(str(tmp_path))
    assert "\n" not in caught.value.message
    (tmp_path / "damaged.cbm").write_bytes(b"CBM1 nothing")
    with pytest.raises(StoreError, match=r"the artifact `damaged` cannot be read: .+") as told:
        CatBoostModelArtifact("damaged").load(str(tmp_path))
    assert "\n" not in told.value.message
