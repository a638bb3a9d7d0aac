"""XGBoost's boosters and estimators are kept in its own format, whose trees are looked at before it reads them."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import clone

import ekiben.models
import ekiben.sklearn
import ekiben.xgboost
from ekiben.core.errors import ConfigError, NotFound, StoreError
from ekiben.frameworks import xgboost as room
from ekiben.frameworks.table import owner


@pytest.fixture(scope="module")
def model(rows) -> xgboost.XGBClassifier:
    """A classifier of flowers."""
    return xgboost.XGBClassifier(n_estimators=4, max_depth=3, missing=-1.0, n_jobs=1).fit(*rows)


@pytest.fixture(scope="module")
def document(model) -> dict[str, Any]:
    """Its booster as JSON."""
    return json.loads(bytes(model.get_booster().save_raw("json")))


def store(name: str, data: bytes, **options: Any) -> ekiben.Model:
    """Put a file that we did not write into the store."""
    with ekiben.models.create("other", module="ekiben.xgboost", options=options) as saved:
        (saved.path / name).write_bytes(data)
    return saved


def test_a_classifier_comes_back(model, rows) -> None:
    """Class, parameters, classes and width are those that were saved, and so is every answer."""
    saved = ekiben.xgboost.save_model("flowers", model)
    again = ekiben.xgboost.load_model("flowers")
    assert type(again) is xgboost.XGBClassifier
    assert (saved.info.format, saved.info.needs_unpickling) == ("ubj", False)
    assert saved.info.options["params"] == {"n_estimators": 4, "max_depth": 3, "missing": -1.0, "n_jobs": 1} | (
        {"objective": "multi:softprob"}
    )
    assert (again.classes_.tolist(), again.n_features_in_, again.n_classes_) == ([0, 1, 2], 4, 3)
    assert again.get_params() == model.get_params()
    assert clone(again).fit(*rows).max_depth == 3
    holes = np.where(rows[0] > 5, -1.0, rows[0])  # what is missing is a parameter, and not in the file
    assert np.array_equal(again.predict_proba(holes), model.predict_proba(holes))


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(xgboost.XGBRegressor(n_estimators=3), id="a regressor"),
        pytest.param(xgboost.XGBRFRegressor(n_estimators=3), id="a random forest"),
        pytest.param(xgboost.XGBRFClassifier(n_estimators=3), id="a forest that classifies"),
        pytest.param(xgboost.XGBRegressor(n_estimators=3, booster="dart", rate_drop=0.5), id="dart"),
        pytest.param(xgboost.XGBRegressor(n_estimators=3, booster="gblinear"), id="a linear booster"),
        pytest.param(xgboost.XGBRegressor(n_estimators=9, gamma=5.0, tree_method="exact"), id="pruned trees"),
    ],
)
def test_every_kind_of_estimator(estimator, rows) -> None:
    """Whatever grew it, its file passes the look at its trees, and it answers the same."""
    estimator.fit(*rows)
    saved = ekiben.xgboost.save_model("any", estimator)
    again = saved.load_model()
    assert type(again) is type(estimator)
    assert np.array_equal(again.predict(rows[0]), estimator.predict(rows[0]))


def test_several_targets(rows) -> None:
    """Trees with a vector in each leaf come back."""
    goals = rows[0][:, :2]
    estimator = xgboost.XGBRegressor(n_estimators=3, multi_strategy="multi_output_tree").fit(rows[0], goals)
    saved = ekiben.xgboost.save_model("two", estimator, sample=rows[0][:2])
    assert np.array_equal(saved.load_model().predict(rows[0]), estimator.predict(rows[0]))


def test_a_ranker_and_early_stopping(rows) -> None:
    """A ranker comes back; so does the best iteration, by which an estimator predicts."""
    groups = np.repeat([0, 1, 2], 50)
    ranker = xgboost.XGBRanker(n_estimators=3).fit(*rows, qid=groups)
    saved = ekiben.xgboost.save_model("ranks", ranker)
    assert np.array_equal(saved.load_model().predict(rows[0]), ranker.predict(rows[0]))
    early = xgboost.XGBClassifier(n_estimators=40, early_stopping_rounds=2, learning_rate=1.0)
    early.fit(rows[0][::2], rows[1][::2], eval_set=[(rows[0][1::2], rows[1][1::2])], verbose=False)
    again = ekiben.xgboost.save_model("early", early).load_model()
    assert again.best_iteration == early.best_iteration < 39
    assert np.array_equal(again.predict_proba(rows[0]), early.predict_proba(rows[0]))


def test_frames_and_categories() -> None:
    """Names of features and categories are in the file; a frame is a sample."""
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0] * 20, "kind": pd.Categorical(list("abca") * 20)})
    estimator = xgboost.XGBRegressor(n_estimators=3, enable_categorical=True, max_cat_to_onehot=1, min_child_weight=0)
    estimator.fit(frame, [1.0, 2.0, 3.0, 5.0] * 20)
    saved = ekiben.xgboost.save_model("sizes", estimator, sample=frame[:4])
    again = saved.load_model()
    assert again.feature_names_in_.tolist() == ["size", "kind"]
    assert np.array_equal(again.predict(frame), estimator.predict(frame))


def test_functions_are_not_kept(rows, caplog: pytest.LogCaptureFixture) -> None:
    """A parameter that is a function is left out, and one line names it; answers do not change."""

    def miss(goals, guesses):
        return guesses - goals, np.ones_like(goals)

    estimator = xgboost.XGBRegressor(n_estimators=3, objective=miss).fit(*rows)
    caplog.clear()
    saved = ekiben.xgboost.save_model("own", estimator)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the parameters objective are not kept, as they are no plain data"
    ]
    assert np.allclose(saved.load_model().predict(rows[0]), estimator.predict(rows[0]))


def test_a_booster_and_its_objects(model, rows, travel) -> None:
    """A bare booster is one again, with names and custom objects; elsewhere its endpoint takes arrays."""
    matrix = xgboost.DMatrix(rows[0], label=rows[1], feature_names=["a", "b", "c", "d"])
    booster = xgboost.train({"objective": "multi:softprob", "num_class": 3, "max_depth": 2}, matrix, 3)
    saved = ekiben.xgboost.save_model("bare", booster, custom_objects={"double": lambda value: value * 2})
    again = ekiben.xgboost.load_model(saved)
    assert type(again) is xgboost.Booster
    assert again.feature_names == ["a", "b", "c", "d"]
    assert saved.custom_objects["double"](2) == 4
    assert saved.info.needs_unpickling  # the custom objects, not the booster
    plain = ekiben.xgboost.save_model("plain", model.get_booster(), sample=rows[0][:3])
    assert np.array_equal(travel(plain, rows[0]), model.predict_proba(rows[0]))


def test_it_travels(model, rows, travel) -> None:
    """A process that has none of the training's code gives the same answers."""
    saved = ekiben.xgboost.save_model("flowers", model, sample=rows[0][:3])
    assert np.array_equal(travel(saved, rows[0]), model.predict(rows[0]))
    assert np.array_equal(travel(saved, rows[0], "predict_proba"), model.predict_proba(rows[0]))


@pytest.mark.parametrize("kind", ["estimator", "booster"])
def test_the_device(kind: str, model, rows) -> None:
    """It predicts on the device that is named, and a wrong name is refused with those that there are."""
    saved = ekiben.xgboost.save_model("flowers", model if kind == "estimator" else model.get_booster())
    again = ekiben.xgboost.load_model("flowers", device="cpu")
    booster = again if kind == "booster" else again.get_booster()
    assert json.loads(booster.save_config())["learner"]["generic_param"]["device"] == "cpu"
    with pytest.raises(ConfigError, match="`device` must be one that XGBoost knows: 'moon'") as caught:
        saved.load_model(device="moon")
    assert caught.value.hint == "`cpu`, `cuda` or `cuda:0`"
    if not xgboost.build_info()["USE_CUDA"]:
        with pytest.raises(ConfigError, match="`device` must be one that XGBoost finds here: 'cuda:0'"):
            saved.load_model(device="cuda:0")


def test_whose_it_is(model) -> None:
    """`models.save` gives an estimator of XGBoost to XGBoost, though scikit-learn would take it too."""
    assert owner(model) == owner(model.get_booster()) == "xgboost"
    assert ekiben.models.save("flowers", model).info.module == "ekiben.xgboost"
    with pytest.raises(NotFound, match="saved with xgboost, not with sklearn"):
        ekiben.sklearn.load_model("flowers")


class Own(xgboost.XGBClassifier):
    """An estimator of the user's."""


def test_what_cannot_be_kept(rows) -> None:
    """A class of the user's own, one that is not fitted and any other object are refused, each with a way out."""
    with pytest.raises(ConfigError, match=r"must be of a class of xgboost itself.*\.Own") as caught:
        ekiben.xgboost.save_model("own", Own(n_estimators=1).fit(*rows))
    assert "save its `get_booster()`" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="`model` must be fitted: it is a XGBClassifier that is not"):
        ekiben.xgboost.save_model("raw", xgboost.XGBClassifier())
    with pytest.raises(ConfigError, match=r"object of xgboost: it is a builtins\.dict"):
        ekiben.xgboost.save_model("dict", {})
    assert ekiben.models.list() == []


def test_without_the_library(monkeypatch) -> None:
    """One line says how to install it, at save and at load."""
    store("saved_model.ubj", b"x")
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert not room.owns(object())
    for act in (lambda: ekiben.xgboost.save_model("a", 1), lambda: ekiben.xgboost.load_model("other")):
        with pytest.raises(ConfigError, match="needs the library `xgboost`") as caught:
            act()
        assert caught.value.hint == "pip install 'ekiben[xgboost]'"


def test_files_of_bentoml(model, rows) -> None:
    """`.ubj` with the class's name is read, and a `.json` without one, which is a booster."""
    ubj = bytes(model.get_booster().save_raw("ubj"))
    assert type(store("saved_model.ubj", ubj, model_class="XGBClassifier").load_model()) is xgboost.XGBClassifier
    booster = store("saved_model.json", bytes(model.get_booster().save_raw("json"))).load_model()
    assert np.array_equal(booster.inplace_predict(rows[0]), model.get_booster().inplace_predict(rows[0]))


@pytest.mark.parametrize(
    ("cut", "told"),
    [
        pytest.param(lambda data: b"", "no model of XGBoost", id="nothing"),
        pytest.param(lambda data: data[:-100], "no model of XGBoost: it is cut short", id="the end is missing"),
        pytest.param(lambda data: data[: len(data) // 2], "no model of XGBoost: it is cut short", id="half of it"),
        pytest.param(lambda data: data + b"{", "something behind its end", id="more than it"),
        pytest.param(lambda data: b"\x80\x05\x95" + data, "unknown mark", id="a pickle"),
        pytest.param(lambda data: b"{}", "lead nowhere|no model", id="an empty object"),
        pytest.param(lambda data: b'{"learner": 3}', "lead nowhere", id="JSON of something else"),
        pytest.param(lambda data: b'{"learner": {}, "learner": {}}', "a key twice", id="two meanings"),
        pytest.param(lambda data: b'{"a": ' + b"[" * 100_000, "no model of XGBoost", id="a tower of brackets"),
    ],
)
def test_damaged_files(cut: Callable[[bytes], bytes], told: str, model) -> None:
    """A file that is cut short or of another kind is one clear error that names the model."""
    saved = store("saved_model.ubj", cut(bytes(model.get_booster().save_raw("ubj"))))
    with pytest.raises(StoreError, match=told) as caught:
        saved.load_model()
    assert str(saved.tag) in str(caught.value)


def trees(document: dict[str, Any]) -> Any:
    return document["learner"]["gradient_booster"]["model"]["trees"]


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda d: trees(d)[0]["split_indices"].__setitem__(0, 2_000_000), id="a feature far away"),
        pytest.param(lambda d: trees(d)[0]["left_children"].__setitem__(0, 2_000_000), id="a child far away"),
        pytest.param(lambda d: trees(d)[0]["left_children"].__setitem__(0, -7), id="a child before the first"),
        pytest.param(
            lambda d: trees(d)[0].update(
                left_children=[0] * len(trees(d)[0]["left_children"]),
                right_children=[0] * len(trees(d)[0]["right_children"]),
            ),
            id="a way that leads round",
        ),
        pytest.param(lambda d: trees(d)[0]["parents"].__setitem__(1, 1_000_000), id="a parent far away"),
        pytest.param(lambda d: trees(d)[0].update(id=7), id="a tree of another number"),
        pytest.param(
            lambda d: trees(d)[0].update(
                split_type=[1, *trees(d)[0]["split_type"][1:]],
                categories_nodes=[0],
                categories_segments=[99],
                categories_sizes=[9],
            ),
            id="categories that are not there",
        ),
        pytest.param(
            lambda d: d["learner"]["gradient_booster"]["model"]["tree_info"].__setitem__(0, 1_000_000),
            id="a tree of no class",
        ),
        pytest.param(
            lambda d: d["learner"]["gradient_booster"]["model"].update(iteration_indptr=[0, 99]), id="rounds of no tree"
        ),
        pytest.param(lambda d: d["learner"]["gradient_booster"].update(name="gblinear"), id="another booster"),
        pytest.param(
            lambda d: trees(d)[0]["tree_param"].update(size_leaf_vector="99"), id="leaves wider than there are classes"
        ),
    ],
)
@pytest.mark.parametrize("name", ["saved_model.json", "saved_model.ubj"])
def test_forged_trees(forge: Callable[[dict[str, Any]], None], name: str, document: dict[str, Any]) -> None:
    """A tree that would lead XGBoost into foreign memory is refused before XGBoost sees it."""
    forged = json.loads(json.dumps(document))
    forge(forged)
    saved = store(name, json.dumps(forged).encode())
    with pytest.raises(StoreError, match="damaged or forged tree"):
        saved.load_model()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({"model_class": "os.system"}, "must be a Booster or one of XGBClassifier", id="another class"),
        pytest.param({"model_class": "XGBRegressor", "params": ["x"]}, "a mapping as `params`", id="no mapping"),
        pytest.param({"model_class": "XGBRegressor", "params": {1: 2}}, "must have parameters of", id="no names"),
    ],
)
def test_what_model_yaml_says(options: dict[str, Any], told: str, model) -> None:
    """Only the known classes are made, whatever model.yaml asks for."""
    saved = store("saved_model.ubj", bytes(model.get_booster().save_raw("ubj")), **options)
    with pytest.raises(StoreError, match=told):
        saved.load_model()


def test_no_file() -> None:
    """A model without its file says which one it needs."""
    with pytest.raises(StoreError, match=r"must hold saved_model\.ubj or saved_model\.json"):
        store("other.bin", b"x").load_model()
