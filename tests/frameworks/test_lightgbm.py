"""LightGBM's boosters and estimators are kept as its text, which is looked at before LightGBM trusts it."""

import re
import sys
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import ekiben.lightgbm
import ekiben.models
from ekiben.core.errors import ConfigError, NotFound, StoreError
from ekiben.frameworks import lightgbm as room
from ekiben.frameworks.table import owner

FEW = {"n_estimators": 4, "num_leaves": 5, "verbose": -1, "n_jobs": 1}
KINDS = np.array(["setosa", "versicolor", "virginica"])


@pytest.fixture(scope="module")
def model(rows) -> lightgbm.LGBMClassifier:
    """A classifier of flowers, whose classes are names."""
    return lightgbm.LGBMClassifier(**FEW).fit(rows[0], KINDS[rows[1]])


@pytest.fixture(scope="module")
def text(model) -> str:
    """Its file."""
    return model.booster_.model_to_string()


def store(data: bytes, name: str = "saved_model.txt", **options: Any) -> ekiben.Model:
    """Put a file that we did not write into the store."""
    with ekiben.models.create("other", module="ekiben.lightgbm", options=options) as saved:
        (saved.path / name).write_bytes(data)
    return saved


def test_a_classifier_comes_back(model, rows) -> None:
    """Class, parameters, classes and width are those that were saved, and so is every answer."""
    saved = ekiben.lightgbm.save_model("flowers", model)
    again = ekiben.lightgbm.load_model("flowers")
    assert type(again) is lightgbm.LGBMClassifier
    assert (saved.info.format, saved.info.needs_unpickling) == ("text", False)
    assert again.get_params() == model.get_params()
    assert (again.classes_.tolist(), again.classes_.dtype) == (KINDS.tolist(), model.classes_.dtype)
    assert (again.n_features_in_, again.n_classes_, again.objective_) == (4, 3, "multiclass")
    assert again.predict(rows[0]).tolist() == model.predict(rows[0]).tolist()
    assert np.array_equal(again.predict_proba(rows[0]), model.predict_proba(rows[0]))
    assert again.score(rows[0], KINDS[rows[1]]) > 0.9
    assert clone(again).fit(rows[0], rows[1]).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(lightgbm.LGBMRegressor(**FEW), id="a regressor"),
        pytest.param(lightgbm.LGBMModel(objective="regression", **FEW), id="the plain one"),
        pytest.param(lightgbm.LGBMRegressor(boosting_type="dart", **FEW), id="dart"),
        pytest.param(
            lightgbm.LGBMRegressor(boosting_type="rf", subsample=0.5, subsample_freq=1, **FEW), id="a random forest"
        ),
        pytest.param(lightgbm.LGBMRegressor(linear_tree=True, **FEW), id="linear models in the leaves"),
        pytest.param(lightgbm.LGBMRegressor(min_child_samples=1000, **FEW), id="trees of one leaf"),
        pytest.param(lightgbm.LGBMClassifier(class_weight="balanced", **FEW), id="weighted classes"),
    ],
)
def test_every_kind_of_estimator(estimator, rows) -> None:
    """Whatever grew it, its file passes the look at its trees, and it answers the same."""
    estimator.fit(*rows)
    again = ekiben.lightgbm.save_model("any", estimator).load_model()
    assert type(again) is type(estimator)
    assert np.array_equal(again.predict(rows[0]), estimator.predict(rows[0]))


def test_two_classes_and_a_ranker(rows) -> None:
    """A classifier of true and false gives these again, a ranker its scores."""
    is_small = rows[1] == 0
    binary = lightgbm.LGBMClassifier(**FEW).fit(rows[0], is_small)
    again = ekiben.lightgbm.save_model("binary", binary).load_model()
    assert (again.classes_.dtype, again.predict(rows[0]).tolist()) == (bool, binary.predict(rows[0]).tolist())
    ranker = lightgbm.LGBMRanker(**FEW).fit(*rows, group=[50, 50, 50])
    assert np.array_equal(
        ekiben.lightgbm.save_model("ranks", ranker).load_model().predict(rows[0]), ranker.predict(rows[0])
    )


def test_frames_and_categories() -> None:
    """Names of features and the categories of a frame are kept; a frame is a sample."""
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 30, "kind": pd.Categorical(list("abca") * 30)})
    estimator = lightgbm.LGBMRegressor(min_child_samples=2, cat_smooth=0, min_data_per_group=1, **FEW)
    estimator.fit(frame, [1.0, 2.0, 3.0, 5.0] * 30)
    again = ekiben.lightgbm.save_model("sizes", estimator, sample=frame[:4]).load_model()
    assert again.feature_names_in_.tolist() == ["size", "kind"]
    assert np.array_equal(again.predict(frame[::-1]), estimator.predict(frame[::-1]))


def test_early_stopping(rows) -> None:
    """What was best is kept, by an estimator and by a booster."""
    train, test = (rows[0][::2], rows[1][::2]), (rows[0][1::2], rows[1][1::2])
    early = lightgbm.LGBMClassifier(**FEW | {"n_estimators": 200, "learning_rate": 1.0})
    early.fit(*train, eval_X=test[0], eval_y=test[1], callbacks=[lightgbm.early_stopping(2, verbose=False)])
    again = ekiben.lightgbm.save_model("early", early).load_model()
    assert again.best_iteration_ == early.best_iteration_ < 200
    assert np.array_equal(again.predict_proba(rows[0]), early.predict_proba(rows[0]))
    booster = ekiben.lightgbm.save_model("bare", early.booster_).load_model()
    assert booster.best_iteration == early.best_iteration_
    assert np.array_equal(booster.predict(rows[0]), early.predict_proba(rows[0]))


def test_a_booster_and_its_objects(model, rows, travel) -> None:
    """A bare booster is one again, with custom objects; elsewhere it answers the same."""
    saved = ekiben.lightgbm.save_model(
        "bare", model.booster_, sample=rows[0][:3], custom_objects={"double": lambda value: value * 2}
    )
    assert type(ekiben.lightgbm.load_model(saved)) is lightgbm.Booster
    assert saved.custom_objects["double"](2) == 4
    assert np.array_equal(travel(saved, rows[0]), model.predict_proba(rows[0]))


def test_it_travels(model, rows, travel) -> None:
    """A process that has none of the training's code gives the same answers."""
    saved = ekiben.lightgbm.save_model("flowers", model, sample=rows[0][:3])
    assert travel(saved, rows[0]).tolist() == model.predict(rows[0]).tolist()
    assert np.array_equal(travel(saved, rows[0], "predict_proba"), model.predict_proba(rows[0]))


def test_functions_are_not_kept(rows, caplog: pytest.LogCaptureFixture) -> None:
    """A regressor's own objective is left out, which a line says; a classifier's answers need it, so it is refused."""

    def miss(goals, guesses):
        return guesses - goals, np.ones_like(goals)

    estimator = lightgbm.LGBMRegressor(objective=miss, **FEW).fit(*rows)
    saved = ekiben.lightgbm.save_model("own", estimator)
    assert "the parameters objective are not kept" in caplog.text
    assert np.array_equal(saved.load_model().predict(rows[0]), estimator.predict(rows[0]))
    with pytest.raises(ConfigError, match="must be trained for a named objective") as caught:
        ekiben.lightgbm.save_model("own", lightgbm.LGBMClassifier(objective=miss, **FEW).fit(rows[0], rows[1] == 0))
    assert (caught.value.hint or "").startswith("save its `booster_`")


class Own(lightgbm.LGBMRegressor):
    """An estimator of the user's."""


def test_what_cannot_be_kept(model, rows) -> None:
    """A class of the user's own, one that is not fitted and any other object are refused, each with a way out."""
    with pytest.raises(ConfigError, match=r"must be of a class of lightgbm itself.*\.Own") as caught:
        ekiben.lightgbm.save_model("own", Own(**FEW).fit(*rows))
    assert "save its `booster_`" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="`model` must be fitted: it is a LGBMModel that is not"):
        ekiben.lightgbm.save_model("raw", lightgbm.LGBMModel())
    with pytest.raises(ConfigError, match=r"object of lightgbm: it is a builtins\.dict"):
        ekiben.lightgbm.save_model("dict", {})
    assert ekiben.models.list() == []
    assert owner(model) == owner(model.booster_) == "lightgbm"
    ekiben.models.save("flowers", model)
    with pytest.raises(NotFound, match="saved with lightgbm, not with xgboost"):
        ekiben.models.get("flowers") and __import__("ekiben.xgboost").xgboost.load_model("flowers")


def test_without_the_library(monkeypatch) -> None:
    """One line says how to install it, at save and at load."""
    store(b"x")
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    assert not room.owns(object())
    for act in (lambda: ekiben.lightgbm.save_model("a", 1), lambda: ekiben.lightgbm.load_model("other")):
        with pytest.raises(ConfigError, match="needs the library `lightgbm`") as caught:
            act()
        assert caught.value.hint == "pip install 'ekiben[lightgbm]'"


def test_a_file_of_bentoml(model, rows, text: str) -> None:
    """The text under BentoML's name is a booster."""
    booster = store(text.encode(), "saved_model.ubj").load_model()
    assert np.array_equal(booster.predict(rows[0]), model.predict_proba(rows[0]))


@pytest.mark.parametrize("part", [0.0, 0.02, 0.1, 0.3, 0.5, 0.6, 0.8, 0.95])
def test_a_file_that_is_cut_short(part: float, text: str) -> None:
    """Wherever it ends, it is one error that names the model; LightGBM itself would end the process."""
    saved = store(text[: int(len(text) * part)].encode())
    with pytest.raises(StoreError, match=f"{saved.tag} is no sound model of LightGBM") as caught:
        saved.load_model()
    assert "verify" in (caught.value.hint or "")


def edit(text: str, key: str, change: Callable[[list[str]], list[str]]) -> str:
    """Change the first line of a key, and say the new length of its tree."""
    line = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    assert line is not None
    new = f"{key}=" + " ".join(change(line[1].split(" ")))
    grown = len(new) - len(line[0]) if line.start() > text.index("Tree=0") else 0
    text = text[: line.start()] + new + text[line.end() :]
    return re.sub(r"tree_sizes=(\d+)", lambda found: f"tree_sizes={int(found[1]) + grown}", text, count=1)


@pytest.mark.parametrize(
    ("key", "change", "told"),
    [
        pytest.param("split_feature", lambda old: ["99", *old[1:]], "a feature that is not there", id="a feature"),
        pytest.param("left_child", lambda old: ["99", *old[1:]], "lead nowhere", id="a child far away"),
        pytest.param("left_child", lambda old: ["-99", *old[1:]], "lead nowhere", id="a leaf far away"),
        pytest.param("left_child", lambda old: ["0", *old[1:]], "lead nowhere", id="a way that leads round"),
        pytest.param("left_child", lambda old: ["nan", *old[1:]], "must be", id="a child that is no number"),
        pytest.param("left_child", lambda old: ["1e0", *old[1:]], "must be", id="a child written as a fraction"),
        pytest.param("decision_type", lambda old: ["1", *old[1:]], "a set of categories", id="a set of categories"),
        pytest.param("leaf_value", lambda old: old[1:], "must be", id="a leaf too few"),
        pytest.param("leaf_count", lambda old: [*old, "1"], "must be", id="a leaf too many"),
        pytest.param("internal_value", lambda old: ["x", *old[1:]], "must be", id="a word for a number"),
        pytest.param("num_leaves", lambda old: ["2147483647"], "must be", id="leaves without end"),
        pytest.param("num_cat", lambda old: ["1_0"], "must be a whole number", id="a number that only Python reads"),
        pytest.param("num_leaves", lambda old: ["-1"], "leaves", id="fewer than no leaves"),
        pytest.param("num_class", lambda old: ["1000000"], "classes", id="classes without end"),
        pytest.param("objective", lambda old: ["multiclass", "num_class:999"], "classes", id="another objective"),
        pytest.param("objective", lambda old: [""], "no name", id="no objective"),
        pytest.param("max_feature_idx", lambda old: ["2147483646"], "name its", id="features without end"),
        pytest.param("tree_sizes", lambda old: ["999999", *old[1:]], "cut short", id="a length past the end"),
        pytest.param("tree_sizes", lambda old: old[1:], "cut short|more trees", id="a tree that is not counted"),
        pytest.param("is_linear", lambda old: ["1"], "`num_features` is missing", id="linear models without numbers"),
        pytest.param("num_cat", lambda old: ["1"], "`cat_boundaries` is missing", id="categories without bounds"),
    ],
)
def test_forged_files(key: str, change: Callable[[list[str]], list[str]], told: str, text: str) -> None:
    """Numbers that would lead LightGBM into foreign memory are refused before it sees them."""
    saved = store(edit(text, key, change).encode())
    with pytest.raises(StoreError, match=told):
        saved.load_model()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("tree\n", "\x80\x05", "does not begin", id="a pickle"),
        pytest.param("version=v4", "version=\0", "does not begin", id="a zero byte"),
        pytest.param("version=v4", "num_class=1", "`num_class` twice", id="two meanings"),
        pytest.param("\nend of parameters", "", "what follows its trees", id="parameters without end"),
        pytest.param("[boosting: gbdt]", "[boosting]", "what follows its trees", id="a parameter without value"),
    ],
)
def test_other_forms(old: str, new: str, told: str, text: str) -> None:
    """What is written in another way than LightGBM writes is refused."""
    saved = store(text.replace(old, new, 1).encode("latin-1"))
    with pytest.raises(StoreError, match=told):
        saved.load_model()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({"model_class": "os.system"}, "must be a Booster or one of LGBMClassifier", id="another class"),
        pytest.param({"model_class": "LGBMRegressor", "params": [1]}, "mappings as `params`", id="no mapping"),
        pytest.param({"model_class": "LGBMRegressor", "params": {1: 2}}, "must have parameters of", id="no names"),
        pytest.param({"model_class": "LGBMRegressor", "params": {"self": 1}}, "must have parameters of", id="itself"),
        pytest.param(
            {"model_class": "LGBMRegressor", "fitted": {"predict": 1}}, "mappings as `params`", id="another attribute"
        ),
        pytest.param({"model_class": "LGBMClassifier", "classes": [1]}, "must name its classes", id="bare classes"),
        pytest.param(
            {"model_class": "LGBMClassifier", "classes": {"values": [1], "dtype": "V8"}},
            "must name its classes",
            id="classes of raw memory",
        ),
    ],
)
def test_what_model_yaml_says(options: dict[str, Any], told: str, text: str) -> None:
    """Only the known classes and attributes are made, whatever model.yaml asks for."""
    saved = store(text.encode(), **options)
    with pytest.raises(StoreError, match=told):
        saved.load_model()


def test_no_file() -> None:
    """A model without its file says which one it needs."""
    with pytest.raises(StoreError, match=r"must hold saved_model\.txt or saved_model\.ubj"):
        store(b"x", "other.bin").load_model()
