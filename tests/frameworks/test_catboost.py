"""CatBoost's models are kept in its own format, and come back as what they were."""

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.catboost
import ekiben.models
from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.frameworks import catboost as room
from ekiben.frameworks.table import owner
from ekiben.services.stored import bind_model
from tests.servers import serving
from tests.store import bentoml

pytestmark = [pytest.mark.heavy, pytest.mark.boosters, pytest.mark.timeout(900)]

KINDS = np.array(["setosa", "versicolor", "virginica"])
FEW = {"iterations": 4, "depth": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}


@pytest.fixture(scope="module")
def catboost() -> Any:
    return importlib.import_module("catboost")


@pytest.fixture(scope="module")
def model(catboost, rows) -> Any:
    """A classifier of flowers, whose classes are names."""
    return catboost.CatBoostClassifier(**FEW).fit(rows[0], KINDS[rows[1]])


def store(data: bytes, **options: Any) -> ekiben.Model:
    """Put a file that we did not write into the store."""
    with ekiben.models.create("other", module="ekiben.catboost", options=options) as saved:
        (saved.path / "saved_model.cbm").write_bytes(data)
    return saved


def test_a_classifier_comes_back(catboost, model, rows) -> None:
    """Class, classes, width and parameters are those that were saved, and so is every answer."""
    saved = ekiben.catboost.save_model("flowers", model, custom_objects={"double": lambda value: value * 2})
    again = ekiben.catboost.load_model("flowers")
    assert type(again) is catboost.CatBoostClassifier
    assert saved.info.format == "cbm"
    assert not ekiben.models.save("flowers", model).info.needs_unpickling
    assert saved.custom_objects["double"](2) == 4
    assert (again.classes_.tolist(), again.n_features_in_) == (KINDS.tolist(), 4)
    assert again.get_params()["depth"] == 3
    assert (again.predict(rows[0]) == model.predict(rows[0])).all()
    assert np.array_equal(again.predict_proba(rows[0]), model.predict_proba(rows[0]))


@pytest.mark.parametrize("name", ["CatBoost", "CatBoostRegressor", "CatBoostRanker"])
def test_every_class(name: str, catboost, rows) -> None:
    """Each class of CatBoost comes back as itself."""
    options = FEW | ({"loss_function": "YetiRank", "bootstrap_type": "No"} if name == "CatBoostRanker" else {})
    made = getattr(catboost, name)(options) if name == "CatBoost" else getattr(catboost, name)(**options)
    groups = {"group_id": np.repeat([0, 1, 2], 50)} if name == "CatBoostRanker" else {}
    made.fit(*rows, **groups)
    again = ekiben.models.save("any", made).load_model()
    assert type(again).__name__ == name
    assert np.array_equal(again.predict(rows[0]), made.predict(rows[0]))


def test_it_travels(model, rows, travel) -> None:
    """A process that has none of the training's code gives the same answers."""
    saved = ekiben.catboost.save_model("flowers", model, sample=rows[0][:3])
    assert np.array_equal(travel(saved, rows[0], "predict_proba"), model.predict_proba(rows[0]))


def test_it_is_served(model, rows) -> None:
    """Without code: the right answer over HTTP, and a row that is too short is the caller's mistake."""
    saved = ekiben.catboost.save_model("flowers", model)
    assert bind_model(saved).spec.endpoints[0].batch is not None
    with serving("flowers:latest") as server:
        answer = server.http.post("/predict", json=rows[0][:2].tolist())
        assert answer.json() == model.predict(rows[0][:2]).tolist()
        short = server.http.post("/predict", json=[[1.0, 2.0]])
    assert (short.status_code, "the model does not take this value" in short.text) == (400, True)
    with pytest.raises(InvalidInput, match="`sample` must be an input"):
        ekiben.catboost.save_model("flowers", model, sample=[[1.0, 2.0]])


def test_what_cannot_be_kept(catboost, model) -> None:
    """A class of the user's own, one that is not fitted and any other object are refused."""
    own = type("Own", (catboost.CatBoostClassifier,), {})
    with pytest.raises(ConfigError, match="must be of a class of catboost itself"):
        ekiben.catboost.save_model("own", own(**FEW))
    with pytest.raises(ConfigError, match="`model` must be fitted: it is a CatBoost that is not"):
        ekiben.catboost.save_model("raw", catboost.CatBoost())
    with pytest.raises(ConfigError, match=r"object of catboost: it is a builtins\.dict"):
        ekiben.catboost.save_model("dict", {})
    assert (owner(model), ekiben.models.list()) == ("catboost", [])


@pytest.mark.parametrize(
    "cut",
    [
        pytest.param(lambda data: b"", id="nothing"),
        pytest.param(lambda data: data[:-5], id="the end is missing"),
        pytest.param(lambda data: data[: len(data) // 2], id="half of it"),
        pytest.param(lambda data: b"\x80\x05\x95" + data, id="a pickle"),
        pytest.param(lambda data: data[:8] + b"\xff" * 20 + data[28:], id="a hole"),
    ],
)
def test_damaged_files(cut: Callable[[bytes], bytes], model) -> None:
    """A file that is cut short or of another kind is one clear error that names the model."""
    file = ekiben.catboost.save_model("flowers", model).path_of("saved_model.cbm")
    stored = store(cut(file.read_bytes()))
    with pytest.raises(StoreError, match=f"{stored.tag} cannot be read by CatBoost: "):
        stored.load_model()


def test_what_model_yaml_says() -> None:
    """Only the known classes are made; a model without its file says which one it needs."""
    with pytest.raises(StoreError, match="must be one of CatBoost, "):
        store(b"x", training_class_name="os.system").load_model()
    with ekiben.models.create("empty", module="ekiben.catboost") as empty:
        pass
    with pytest.raises(StoreError, match=r"must hold saved_model\.cbm"):
        empty.load_model()


SAVE = """
import json
import bentoml, catboost
from sklearn.datasets import load_iris

X, y = load_iris(return_X_y=True)
few = dict(iterations=3, depth=2, verbose=0, allow_writing_files=False)
classifier = catboost.CatBoostClassifier(**few).fit(X, y)
plain = catboost.CatBoost(few).fit(X, y)
told = {}
for name, model in (("classifier", classifier), ("plain", plain)):
    told[name] = [type(model).__name__, model.predict(X).tolist()]
    bentoml.catboost.save_model(name, model)
print(json.dumps(told))
"""


def test_a_store_of_bentoml(rows, tmp_path: Path) -> None:
    """What the real BentoML saved is of its class again, and answers what it answered there."""
    printed = bentoml.run(SAVE, tmp_path / "home", libraries=("catboost",))
    with ekiben.models.use_home(tmp_path / "home"):
        for name, (kind, expected) in json.loads(printed.splitlines()[-1]).items():
            model = ekiben.models.get(name).load_model()
            assert type(model).__name__ == kind
            assert model.predict(rows[0]).tolist() == expected


def test_without_the_library(monkeypatch) -> None:
    """One line says how to install it, at save and at load."""
    store(b"x")
    monkeypatch.setitem(sys.modules, "catboost", None)
    assert not room.owns(object())
    for act in (lambda: ekiben.catboost.save_model("a", 1), lambda: ekiben.catboost.load_model("other")):
        with pytest.raises(ConfigError, match="needs the library `catboost`") as caught:
            act()
        assert caught.value.hint == "pip install 'ekiben[catboost]'"
