"""scikit-learn models are kept in skops, and in a pickle where that does not fit."""

import json
import logging
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import Birch
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, SplineTransformer, StandardScaler

import ekiben.models
import ekiben.sklearn
from ekiben.core.errors import ConfigError, StoreError
from ekiben.frameworks import sklearn as room


class Shift(TransformerMixin, BaseEstimator):
    """A step of the user's own."""

    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def fit(self, rows, species=None) -> "Shift":
        self.fitted_ = True
        return self

    def transform(self, rows):
        return rows + self.by


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), id="a pipeline"),
        pytest.param(RandomForestClassifier(5, random_state=0), id="a forest"),
        pytest.param(GradientBoostingClassifier(n_estimators=5, random_state=0), id="gradient boosting"),
        pytest.param(HistGradientBoostingClassifier(max_iter=5), id="histogram boosting"),
        pytest.param(KNeighborsClassifier(algorithm="kd_tree"), id="neighbours in a k-d tree"),
        pytest.param(KNeighborsClassifier(algorithm="ball_tree"), id="neighbours in a ball tree"),
        pytest.param(GaussianProcessClassifier(), id="a Gaussian process"),
        pytest.param(make_pipeline(SelectKBest(k=2), LogisticRegression()), id="a selection by a score"),
        pytest.param(make_pipeline(SplineTransformer(), LogisticRegression(max_iter=1000)), id="splines"),
        pytest.param(
            make_pipeline(ColumnTransformer([("log", FunctionTransformer(np.log1p), [0, 1])]), LogisticRegression()),
            id="columns, and a function of NumPy",
        ),
    ],
)
def test_skops_holds_it(model, rows, caplog: pytest.LogCaptureFixture) -> None:
    """What scikit-learn is made of is saved and loaded without unpickling and without anybody's consent."""
    saved = ekiben.sklearn.save_model("model", model.fit(*rows))
    assert (saved.info.format, saved.info.needs_unpickling) == ("skops", False)
    assert caplog.records == []
    assert np.allclose(saved.load_model().predict_proba(rows[0]), model.predict_proba(rows[0]))


def test_texts() -> None:
    """A pipeline over texts takes a list of them as its sample."""
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good", "fine", "bad", "awful"], [1, 1, 0, 0])
    saved = ekiben.sklearn.save_model("mood", model, sample=["good", "bad"])
    assert saved.info.sample["input"]["schema"] == {"type": "array", "items": {"type": "string"}}
    assert saved.load_model().predict(["good", "bad"]).tolist() == [1, 0]


def test_types_of_the_user_need_consent(rows, caplog: pytest.LogCaptureFixture, monkeypatch) -> None:
    """A foreign type is listed at save, refused at load, and taken by argument or setting."""
    name = f"{__name__}.Shift"
    saved = ekiben.sklearn.save_model("model", make_pipeline(Shift(2.0), LogisticRegression(max_iter=1000)).fit(*rows))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert name in caplog.text
    assert saved.info.options["untrusted"] == [name]
    with pytest.raises(StoreError, match=f"types that are not trusted: {name}") as caught:
        ekiben.sklearn.load_model("model")
    assert f"trusted={[name]!r}" in (caught.value.hint or "")
    assert ekiben.sklearn.load_model("model", trusted=[name])[0].by == 2.0
    monkeypatch.setenv("EKIBEN_TRUSTED_TYPES", name)
    assert ekiben.models.get("model").load_model()[0].by == 2.0


@pytest.mark.parametrize("trusted", [True, "a.B", [1]])
def test_consent_names_types(classifier, trusted) -> None:
    """There is no consent to everything."""
    ekiben.sklearn.save_model("iris", classifier)
    with pytest.raises(ConfigError, match="`trusted` must be a list of full names"):
        ekiben.sklearn.load_model("iris", trusted=trusted)


def test_the_file_decides_not_its_description(rows) -> None:
    """A type that model.yaml keeps silent about is found in the file."""
    model = make_pipeline(Shift(2.0), LogisticRegression(max_iter=1000)).fit(*rows)
    source = ekiben.sklearn.save_model("model", model)
    with ekiben.models.create("copy", module="ekiben.sklearn", format="skops", options={}) as copy:
        (copy.path / "saved_model.skops").write_bytes((source.path / "saved_model.skops").read_bytes())
    with pytest.raises(StoreError, match="Shift"):
        ekiben.sklearn.load_model("copy")


def test_what_skops_cannot_hold(rows, caplog: pytest.LogCaptureFixture) -> None:
    """Joblib holds it, and one line says why."""
    saved = ekiben.sklearn.save_model("birch", Birch(n_clusters=3).fit(rows[0]))
    assert (saved.info.format, saved.info.needs_unpickling) == ("joblib", True)
    assert [path.name for path in saved.path.glob("saved_model.*")] == ["saved_model.pkl"]
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "saved with joblib, so that loading it means unpickling: skops cannot hold it"
    )
    assert saved.load_model().predict(rows[0]).shape == (150,)


def test_a_large_description_goes_to_joblib(caplog: pytest.LogCaptureFixture) -> None:
    """Where skops would read slowly, joblib is taken; `format='skops'` insists."""
    words = [f"word{number}" for number in range(25_000)]
    model = TfidfVectorizer(vocabulary=words).fit([" ".join(words)])
    saved = ekiben.sklearn.save_model("words", model)
    assert saved.info.format == "joblib"
    assert "slow to read" in caplog.text
    insisted = ekiben.sklearn.save_model("words", model, format="skops")
    assert (insisted.info.format, insisted.info.needs_unpickling) == ("skops", False)


def test_without_skops(rows, classifier, monkeypatch, caplog: pytest.LogCaptureFixture) -> None:
    """Without skops joblib is taken, and one line says so and how to install it."""
    monkeypatch.setitem(__import__("sys").modules, "skops", None)
    saved = ekiben.sklearn.save_model("iris", classifier)
    assert saved.info.format == "joblib"
    assert "skops is not installed (pip install 'ekiben[sklearn]')" in caplog.text
    with pytest.raises(ConfigError, match="`format` cannot be 'skops'"):
        ekiben.sklearn.save_model("iris", classifier, format="skops")


def test_format_is_checked(classifier) -> None:
    """Any other format is refused."""
    with pytest.raises(ConfigError, match="`format` must be 'skops' or 'joblib': 'onnx'"):
        ekiben.sklearn.save_model("iris", classifier, format="onnx")  # type: ignore[arg-type]


def test_mmap_mode(rows) -> None:
    """Arrays of a joblib file stay on disk, where processes share them; skops cannot, and says so."""
    model = KNeighborsClassifier(algorithm="brute").fit(*rows)
    ekiben.sklearn.save_model("near", model, format="joblib")
    loaded = ekiben.sklearn.load_model("near", mmap_mode="r")
    assert isinstance(loaded._fit_X, np.memmap)
    assert (loaded.predict(rows[0]) == model.predict(rows[0])).all()
    ekiben.sklearn.save_model("near", model)
    with pytest.raises(ConfigError, match="`mmap_mode` must be left out") as caught:
        ekiben.sklearn.load_model("near", mmap_mode="r")
    assert caught.value.hint == "save it with `format='joblib'`"


def test_unpickling_can_be_forbidden(classifier, monkeypatch) -> None:
    """The setting stops joblib files, and leaves skops files alone."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    ekiben.sklearn.save_model("safe", classifier)
    ekiben.sklearn.save_model("pickled", classifier, format="joblib")
    assert ekiben.sklearn.load_model("safe") is not None
    with pytest.raises(StoreError, match="EKIBEN_FORBID_UNPICKLING forbids"):
        ekiben.sklearn.load_model("pickled")


def test_a_model_of_bentoml(classifier, rows) -> None:
    """A `saved_model.pkl` of joblib under `module: bentoml.sklearn` is loaded as it is."""
    with ekiben.models.create("old", module="bentoml.sklearn") as model:
        joblib.dump(classifier, model.path / "saved_model.pkl")
    assert (ekiben.sklearn.load_model("old").predict(rows[0]) == classifier.predict(rows[0])).all()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("saved_model.skops", b"PK", id="a cut zip"),
        pytest.param("saved_model.skops", None, id="a zip without its description"),
        pytest.param("saved_model.pkl", b"\x80\x05", id="a cut pickle"),
        pytest.param("other.bin", b"x", id="another file"),
    ],
)
def test_damaged_files(name: str, content: bytes | None) -> None:
    """A damaged model is one clear error that names it."""
    with ekiben.models.create("hurt", module="ekiben.sklearn") as model:
        if content is None:
            with zipfile.ZipFile(model.path / name, "w") as archive:
                archive.writestr("other.json", json.dumps({}))
        else:
            (model.path / name).write_bytes(content)
    with pytest.raises(StoreError, match=str(model.tag)):
        ekiben.sklearn.load_model("hurt")


SCRIPT = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
import ekiben.models, ekiben.sklearn

class Shift(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None): return self
    def transform(self, X): return X + 1

X, y = load_iris(return_X_y=True)
model = make_pipeline(Shift(), FunctionTransformer(lambda X: X * 2), LogisticRegression(max_iter=500)).fit(X, y)
saved = ekiben.sklearn.save_model("script", model)
print(saved.info.format, ekiben.sklearn.load_model(saved).predict(X[:3]).tolist())
"""


def test_classes_of_a_script_go_by_value(python) -> None:
    """A class or lambda of the training script travels with the model, in a pickle, which a line says."""
    trained = python(SCRIPT)
    assert "__main__.Shift" in trained.stderr
    assert "saved with cloudpickle" in trained.stderr
    load = "import ekiben.models as m; from sklearn.datasets import load_iris as i; "
    loaded = python(load + "print(m.get('script').load_model().predict(i().data[:3]).tolist())")
    assert trained.stdout == f"cloudpickle {loaded.stdout}"


def test_owns_without_the_library(monkeypatch, classifier: object) -> None:
    """Asking whose an object is imports no library."""
    monkeypatch.delitem(__import__("sys").modules, "sklearn.base")
    assert not room.owns(classifier)


def test_methods_of_estimators(rows) -> None:
    """Only what an estimator can do is served, row by row."""
    assert list(room.methods(LogisticRegression(max_iter=1000).fit(*rows))) == [
        "predict",
        "predict_proba",
        "decision_function",
    ]
    assert list(room.methods(StandardScaler().fit(*rows))) == ["transform"]
    assert Path(room.PICKLE_FILE).suffix == ".pkl"
