"""MLflow's models are imported as they are, and loaded through its own door."""

import shutil
import sys
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import ekiben.mlflow
import ekiben.models
from ekiben.core.errors import ConfigError, EkibenError, MissingLibrary, StoreError
from ekiben.frameworks import mlflow as room
from tests.libraries import later
from tests.servers import serving

mlflow: Any = later("mlflow")
flavour: Any = later("mlflow.sklearn")
pyfunc: Any = later("mlflow.pyfunc")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.boosters,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("default"),  # MLflow warns of what it will change
]

NAMES = ["a", "b", "c", "d"]


@pytest.fixture(scope="module")
def classifier_of_columns(rows) -> LogisticRegression:
    return LogisticRegression(max_iter=500).fit(pd.DataFrame(rows[0], columns=NAMES), rows[1])


@pytest.fixture(scope="module")
def folder(classifier_of_columns, rows, tmp_path_factory) -> Path:
    """A model with a signature that names its columns."""
    path = tmp_path_factory.mktemp("mlflow") / "model"
    frame = pd.DataFrame(rows[0], columns=NAMES)
    signature = later("mlflow.models").infer_signature(frame, rows[1])
    flavour.save_model(classifier_of_columns, path, signature=signature, pip_requirements=["scikit-learn"])
    return path


def test_a_folder(folder: Path, classifier_of_columns, rows) -> None:
    """It is copied file by file, and answers what the model answers, for frames and for bare rows."""
    saved = ekiben.mlflow.import_model("flowers", folder, custom_objects={"double": lambda value: value * 2})
    assert (saved.info.format, saved.info.needs_unpickling) == ("mlflow", True)
    assert {path.name for path in saved.path_of("mlflow_model").iterdir()} == {path.name for path in folder.iterdir()}
    loaded = ekiben.mlflow.load_model("flowers")
    assert type(loaded) is pyfunc.PyFuncModel
    expected = classifier_of_columns.predict(pd.DataFrame(rows[0], columns=NAMES))
    for value in (pd.DataFrame(rows[0], columns=NAMES), rows[0], rows[0].tolist()):
        assert np.array_equal(room.predict(loaded, value), expected)
    assert saved.custom_objects["double"](2) == 4
    assert ekiben.mlflow.get("flowers") == saved


def test_what_its_flavour_needs_is_kept(folder: Path, tmp_path: Path) -> None:
    """The packages that saved it go into a bento with it: as it pins them, else as they are installed."""
    saved = ekiben.mlflow.import_model("flowers", folder)
    versions = saved.info.context["framework_versions"]
    assert versions["scikit-learn"] == version("scikit-learn")
    assert versions["pandas"] == version("pandas")
    assert {name: versions[name] for name in versions if name.startswith("mlflow")} == {
        name: version(name) for name in ("mlflow", "mlflow-skinny") if installed(name)
    }
    other = tmp_path / "pinned"
    shutil.copytree(folder, other)
    (other / "requirements.txt").write_text(
        "--extra-index-url https://index.example/simple\n# told by hand\nmlflow==1.0\nScikit_Learn[all]==1.2.3  # old\n"
        "numpy\nno-such-package>=1\nmodel @ https://index.example/model.whl\ntorch==1.0; sys_platform == 'none'\n"
        "../secret\npandas==2.*\nscipy==1.0; sys_platform ~= 'none'\n"
    )
    versions = ekiben.mlflow.import_model("flowers", other).info.context["framework_versions"]
    kept = {name: told for name, told in versions.items() if not name.startswith("mlflow")}
    assert kept == {"scikit-learn": "1.2.3", "numpy": version("numpy"), "pandas": version("pandas")}
    assert versions.get("mlflow") != "1.0"


def installed(name: str) -> bool:
    return bool(list(distributions(name=name)))


def test_it_travels(folder: Path, classifier_of_columns, rows, travel) -> None:
    """A process that has none of the training's code gives the same answers."""
    saved = ekiben.mlflow.import_model("flowers", str(folder), sample=rows[0][:3])
    expected = classifier_of_columns.predict(pd.DataFrame(rows[0], columns=NAMES))
    assert np.array_equal(travel(saved, rows[0]), expected)


def test_it_is_served(folder: Path, rows) -> None:
    """Without code: a frame as the sample; what does not fit the signature is the caller's mistake."""
    frame = pd.DataFrame(rows[0][:3], columns=NAMES)
    ekiben.mlflow.import_model("flowers", folder, sample=frame)
    with serving("flowers:latest") as server:
        good = server.http.post("/predict", json=frame.to_dict("records"))
        wrong = server.http.post("/predict", json=[{"a": 1.0}])
    assert (good.status_code, good.json()) == (200, [0, 0, 0])
    assert wrong.status_code == 400
    ekiben.mlflow.import_model("rows", folder)
    with serving("rows:latest") as server:
        wrong = server.http.post("/predict", json=[[1.0, 2.0]])
    assert (wrong.status_code, "does not take this value" in wrong.text) == (400, True)


def test_a_uri_of_a_registry(classifier_of_columns, rows, tmp_path: Path, monkeypatch) -> None:
    """What a registry holds under a name is brought here by MLflow."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/runs")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with mlflow.start_run() as run:
        flavour.log_model(classifier_of_columns, name="model", pip_requirements=["scikit-learn"])
    saved = ekiben.mlflow.import_model("flowers", f"runs:/{run.info.run_id}/model")
    assert (saved.path_of("mlflow_model/MLmodel")).is_file()
    frame = pd.DataFrame(rows[0], columns=NAMES)
    assert np.array_equal(saved.load_model().predict(frame), classifier_of_columns.predict(frame))
    assert not [path for path in saved.path.iterdir() if path.name.startswith("tmp")]
    with pytest.raises(StoreError, match=r"MLflow cannot bring the model 'runs:/gone/model'"):
        ekiben.mlflow.import_model("flowers", "runs:/gone/model")


def test_a_model_of_the_users_own(tmp_path: Path) -> None:
    """A Python model answers through its `predict`; a Series becomes an array."""

    class Double(pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return pd.Series(np.asarray(model_input)[:, 0] * 2)

    pyfunc.save_model(tmp_path / "own", python_model=Double(), pip_requirements=["numpy"])
    saved = ekiben.mlflow.import_model("double", tmp_path / "own", sample=[[1.0], [2.0]])
    assert room.predict(saved.load_model(), [[4.0]]).tolist() == [8.0]


def test_unpickling_can_be_forbidden(folder: Path, monkeypatch) -> None:
    """The setting stops every MLflow model, whose code nobody has seen; importing runs none of it."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    saved = ekiben.mlflow.import_model("flowers", folder)
    with pytest.raises(StoreError, match="must be unpickled, which EKIBEN_FORBID_UNPICKLING forbids"):
        saved.load_model()


def test_what_is_no_model(folder: Path, tmp_path: Path) -> None:
    """Another folder, a folder with links, a path to nothing: one error each, and nothing is stored."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/MLmodel").write_text("flavors: {}")
    (tmp_path / "linked/secret").symlink_to("/etc/hostname")
    for place, told in (
        (tmp_path, "with a file MLmodel"),
        (tmp_path / "linked", "without links"),
        (tmp_path / "gone", "or a URI that MLflow knows"),
    ):
        with pytest.raises(ConfigError, match=f"`model_uri` must be .*{told}"):
            ekiben.mlflow.import_model("flowers", place)
    with pytest.raises(EkibenError, match="`sample` must be an input"):
        ekiben.mlflow.import_model("flowers", folder, sample=["text"])
    assert ekiben.models.list() == []


def test_damaged_models(folder: Path) -> None:
    """A model without its files, or with others, is one clear error that names it."""
    with ekiben.models.create("hurt", module="ekiben.mlflow") as hurt:
        (hurt.path / "mlflow_model").mkdir()
        (hurt.path / "mlflow_model/MLmodel").write_text("flavors: [")
    with ekiben.models.create("empty", module="ekiben.mlflow") as empty:
        pass
    with ekiben.models.create("foreign", module="ekiben.mlflow") as foreign:
        (foreign.path / "mlflow_model").mkdir()
        (foreign.path / "mlflow_model/MLmodel").write_text(
            "flavors: {python_function: {loader_module: no_such_module, python_version: 3.11.0}}"
        )
    for saved, told in ((hurt, "cannot be loaded by MLflow"), (empty, "must hold"), (foreign, "`no_such_module`")):
        with pytest.raises(StoreError, match=f"{saved.tag} .*{told}"):
            saved.load_model()


def test_without_the_library(folder: Path, monkeypatch) -> None:
    """A folder is imported without MLflow; a URI and loading need it, and say how to install it."""
    for module in ("mlflow", "mlflow.pyfunc"):
        monkeypatch.setitem(sys.modules, module, None)
    saved = ekiben.mlflow.import_model("flowers", folder)
    for act in (saved.load_model, lambda: ekiben.mlflow.import_model("flowers", "models:/iris/1")):
        with pytest.raises(MissingLibrary, match=r"needs the library `mlflow") as caught:
            act()
        assert caught.value.hint == "pip install 'ekiben[mlflow]'"
