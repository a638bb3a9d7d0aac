"""Keras models are saved whole, loaded compiled, and predict in silence."""

import importlib
import json
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ekiben.keras
import ekiben.models
from ekiben.core.errors import ConfigError, StoreError
from ekiben.frameworks.keras import open_file

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's, on NumPy 2
]

ROWS = np.random.default_rng(0).random((64, 8, 8, 1), dtype=np.float32)
KINDS = np.random.default_rng(1).integers(0, 5, 64)


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras 3, which takes its time."""
    return importlib.import_module("keras")


@pytest.fixture
def trained(keras: Any) -> Any:
    """A small network for pictures, after two epochs."""
    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(5),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    model.fit(ROWS, KINDS, epochs=2, shuffle=False, verbose=0)
    return model


def train_on(model: Any) -> list[float]:
    """Train for one more epoch, always in the same order; give the loss."""
    return model.fit(ROWS, KINDS, epochs=1, shuffle=False, verbose=0).history["loss"]


def test_a_model_comes_back_compiled(trained: Any) -> None:
    """A loaded model has its own class, predicts and evaluates as before, whichever way it was saved."""
    expected, judged = trained.predict(ROWS, verbose=0), trained.evaluate(ROWS, KINDS, verbose=0)
    for include_optimizer in (True, False):
        saved = ekiben.keras.save_model("net", trained, include_optimizer=include_optimizer)
        loaded = ekiben.keras.load_model("net")
        assert (saved.info.format, saved.info.needs_unpickling) == ("keras", False)
        assert type(loaded) is type(trained)
        assert np.abs(loaded.predict(ROWS) - expected).max() < 1e-6
        assert loaded.evaluate(ROWS, KINDS, verbose=0) == pytest.approx(judged)


def test_training_goes_on_with_the_optimizer(trained: Any) -> None:
    """With its optimizer a loaded model goes on as if nothing had happened; without, with a fresh one."""
    ekiben.keras.save_model("with", trained, include_optimizer=True)
    ekiben.keras.save_model("without", trained)
    uninterrupted = [train_on(trained), train_on(trained)]
    resumed, fresh = ekiben.keras.load_model("with"), ekiben.keras.load_model("without")
    assert not fresh.optimizer.built
    assert [train_on(resumed), train_on(resumed)] == uninterrupted
    assert train_on(fresh) == pytest.approx(uninterrupted[0], rel=0.5)
    assert [int(model.optimizer.iterations) for model in (resumed, fresh)] == [8, 2]


def test_the_optimizer_is_really_dropped(trained: Any) -> None:
    """Adam keeps two numbers for each weight: without it the file is a third as large."""
    sizes = [
        (ekiben.keras.save_model("net", trained, include_optimizer=flag).path / "saved_model.keras").stat().st_size
        for flag in (True, False)
    ]
    assert 0.3 < sizes[1] / sizes[0] < 0.4


def test_saving_changes_nothing(trained: Any, keras: Any) -> None:
    """History, optimizer and weights are as before; a model that was never compiled stays so."""
    history, weights = trained.history, [weight.copy() for weight in trained.get_weights()]
    ekiben.keras.save_model("net", trained, sample=ROWS[:2])
    assert trained.history is history
    assert len(trained.history.history["loss"]) == 2
    assert int(trained.optimizer.iterations) == 4
    assert all(np.array_equal(*pair) for pair in zip(weights, trained.get_weights(), strict=True))
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    ekiben.keras.save_model("plain", plain)
    assert not plain.compiled
    assert not ekiben.keras.load_model("plain").compiled


def test_the_sample(trained: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """The sample describes input and output, and shows no progress bar while it is tried."""
    saved = ekiben.keras.save_model("net", trained, sample=ROWS[:2])
    assert saved.info.sample == {
        "input": {"kind": "ndarray", "dtype": "float32", "shape": [-1, 8, 8, 1], "file": "sample.npy"},
        "outputs": {"predict": {"kind": "ndarray", "dtype": "float32", "shape": [-1, 5]}},
    }
    assert saved.info.signatures["predict"].batchable
    assert capfd.readouterr().out == ""


def test_predict_is_silent_unless_asked(trained: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """A loaded model shows no progress bar, whatever thread asks; `verbose=1` brings it back."""
    loaded = ekiben.keras.load_model(ekiben.keras.save_model("net", trained))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(loaded.predict, [ROWS[:1], ROWS[:2]]))
    loaded.predict(ROWS, 32)
    assert capfd.readouterr().out == ""
    loaded.predict(ROWS, 32, 1)
    assert "2/2" in capfd.readouterr().out
    loaded.predict(ROWS, verbose=1)
    assert "2/2" in capfd.readouterr().out


def test_fifty_threads(trained: Any) -> None:
    """Fifty calls at once get what they would have got one after the other."""
    loaded = ekiben.keras.load_model(ekiben.keras.save_model("net", trained))
    inputs = [ROWS[i % 64 : i % 64 + 1 + i % 3] for i in range(50)]
    expected = [trained.predict(rows, verbose=0) for rows in inputs]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(loaded.predict, inputs))
    assert max(np.abs(a - e).max() for a, e in zip(answers, expected, strict=True)) < 1e-6


def test_no_shape_checks_of_ours(trained: Any) -> None:
    """Rows without the channel axis reach Keras as they are, which adds it."""
    loaded = ekiben.keras.load_model(ekiben.keras.save_model("net", trained))
    assert np.allclose(loaded.predict(ROWS[:1, :, :, 0]), trained.predict(ROWS[:1], verbose=0), atol=1e-6)


def test_a_loaded_model_is_the_users_own(trained: Any, keras: Any, tmp_path: Path) -> None:
    """It can be saved, copied and stored again like any other."""
    loaded = ekiben.keras.load_model(ekiben.keras.save_model("net", trained))
    loaded.save(tmp_path / "again.keras")
    expected = trained.predict(ROWS[:1], verbose=0)
    assert np.allclose(
        keras.models.load_model(tmp_path / "again.keras", compile=False).predict(ROWS[:1], verbose=0), expected
    )
    assert np.allclose(ekiben.models.save("twice", loaded).load_model().predict(ROWS[:1]), expected)


def test_options_of_loading(trained: Any) -> None:
    """A device can be named, and compiling left out."""
    saved = ekiben.keras.save_model("net", trained)
    assert not ekiben.keras.load_model(saved, compile=False).compiled
    loaded = ekiben.keras.load_model(saved, "cpu:0")
    assert "CPU:0" in loaded.weights[0].value.device


def test_a_predict_of_the_users_own(keras: Any) -> None:
    """A class that has its own `predict` keeps it, with its own arguments."""

    @keras.saving.register_keras_serializable("test_keras")
    class Loud(keras.Sequential):
        def predict(self, x: Any) -> str:
            return "mine"

    model = Loud([keras.Input((3,)), keras.layers.Dense(2)])
    assert ekiben.keras.load_model(ekiben.keras.save_model("loud", model, signatures={})).predict(1) == "mine"


LAYER = """
import keras, numpy as np
import ekiben.keras

class Double(keras.layers.Layer):
    def call(self, x):
        return x * 2

model = keras.Sequential([keras.Input((3,)), Double()])
model.compile(loss="mse")
ekiben.keras.save_model("double", model, custom_objects={"Double": Double, "labels": ["a"]}, sample=np.ones((1, 3)))
ekiben.keras.save_model("alone", model)
"""


def test_layers_of_the_user(python) -> None:
    """A layer of the training script is found among the custom objects; without it the error says what to do."""
    python(LAYER)
    assert ekiben.models.get("double").load_model().predict(np.ones((1, 3))).tolist() == [[2, 2, 2]]
    with pytest.raises(ConfigError, match=r"needs a class or function that is not known here: Double\b") as caught:
        ekiben.keras.load_model("alone")
    assert "custom_objects={'Double': Double}" in (caught.value.hint or "")
    given = ekiben.models.get("double").custom_objects
    assert ekiben.keras.load_model("alone", custom_objects={"Double": given["Double"]}) is not None


def test_custom_objects_stay_packed(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of Keras's own layers is loaded without unpickling what lies beside it."""
    ekiben.keras.save_model("net", trained, custom_objects={"f": lambda value: value})
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    assert ekiben.keras.load_model("net") is not None


def test_code_in_a_lambda_needs_consent(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Lambda layer keeps code in the file: it is marked, refused, and run by argument or setting only."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2, output_shape=(3,))])
    saved = ekiben.keras.save_model("lambda", model)
    assert saved.info.needs_unpickling
    with pytest.raises(StoreError, match="Lambda layer") as caught:
        ekiben.keras.load_model("lambda")
    assert "EKIBEN_TRUSTED_TYPES=keras.layers.Lambda" in (caught.value.hint or "")
    assert ekiben.keras.load_model("lambda", safe_mode=False).predict(np.ones((1, 3))).tolist() == [[2, 2, 2]]
    monkeypatch.setenv("EKIBEN_TRUSTED_TYPES", "keras.layers.Lambda")
    assert saved.load_model().predict(np.ones((1, 3))).tolist() == [[2, 2, 2]]
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="EKIBEN_FORBID_UNPICKLING forbids"):
        ekiben.keras.load_model("lambda")


def test_a_forged_description(trained: Any, tmp_path: Path) -> None:
    """A file that names a function of the standard library is refused, and nothing is called."""
    owned = tmp_path / "owned"
    evil = {"module": "os", "class_name": "system", "config": {"command": f"touch {owned}"}, "registered_name": None}
    source = ekiben.keras.save_model("net", trained)
    with ekiben.models.create("evil", module="ekiben.keras") as model:
        with (
            zipfile.ZipFile(source.path / "saved_model.keras") as honest,
            zipfile.ZipFile(model.path / "saved_model.keras", "w") as forged,
        ):
            for name in honest.namelist():
                forged.writestr(name, json.dumps(evil) if name == "config.json" else honest.read(name))
    with pytest.raises((ConfigError, StoreError), match=str(model.tag)):
        ekiben.keras.load_model("evil")
    assert not owned.exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({"saved_model.keras": b"PK"}, "damaged", id="a cut file"),
        pytest.param({}, "must hold one .keras or HDF5 file: none", id="no file"),
        pytest.param({"a.h5": b"", "b.h5": b""}, "a.h5, b.h5", id="two files"),
        pytest.param({"a.h5": b"x"}, "cannot be loaded by Keras", id="no HDF5 at all"),
    ],
)
def test_damaged_models(keras: Any, files: dict[str, bytes], message: str) -> None:
    """A damaged model is one clear error that names it."""
    with ekiben.models.create("hurt", module="ekiben.keras") as model:
        for name, content in files.items():
            (model.path / name).write_bytes(content)
    with pytest.raises(StoreError, match=message):
        ekiben.keras.load_model("hurt")


def write_keras_two(file: Path, training: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Write HDF5 as `tf.keras` 2 does: one dense layer, eight inputs, three outputs; give its weights."""
    kernel, bias = np.arange(24, dtype=np.float32).reshape(8, 3), np.ones(3, np.float32)
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 8], "dtype": "float32", "sparse": False,
                                                "ragged": False, "name": "input_2"}},
        {"class_name": "Dense", "config": {"name": "dense_2", "trainable": True, "dtype": "float32", "units": 3,
                                           "activation": "linear", "use_bias": True}},
    ]  # fmt: skip
    h5py = importlib.import_module("h5py")
    with h5py.File(file, "w") as archive:
        archive.attrs.update(keras_version="2.15.0", backend="tensorflow", training_config=json.dumps(training))
        archive.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": layers}}
        )
        weights = archive.create_group("model_weights")
        weights.attrs["layer_names"] = ["dense_2"]
        group = weights.create_group("dense_2")
        group.attrs["weight_names"] = ["dense_2/kernel:0", "dense_2/bias:0"]
        group["dense_2/kernel:0"], group["dense_2/bias:0"] = kernel, bias
    return kernel, bias


ADAM = {"class_name": "Custom>Adam", "config": {"name": "Adam", "learning_rate": 0.01, "is_legacy_optimizer": False}}
WRAPPED = {"class_name": "MeanMetricWrapper", "config": {"name": "mae", "dtype": "float32", "fn": "mae"}}
MEAN = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mean_squared_error", "fn": "mse"}}
DECAY = {
    "class_name": "ExponentialDecay",
    "config": {"initial_learning_rate": 0.01, "decay_steps": 10, "decay_rate": 0.9},
}


@pytest.mark.parametrize(
    "training",
    [
        pytest.param({"loss": "mse", "metrics": [[WRAPPED]], "optimizer_config": ADAM}, id="a loss by name"),
        pytest.param({"loss": MEAN, "metrics": ["mae"], "optimizer_config": ADAM}, id="a loss by its class"),
        pytest.param(
            {
                "loss": ["mse"],
                "metrics": ["mae"],
                "optimizer_config": {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": DECAY}},
            },
            id="a rate that decays",
        ),
    ],
)
def test_hdf5_of_keras_two(keras: Any, training: dict[str, Any], tmp_path: Path) -> None:
    """HDF5 of Keras 2 predicts, evaluates and trains, given as a path or found in the store."""
    kernel, bias = write_keras_two(tmp_path / "old.h5", training)
    rows, targets = np.ones((4, 8), np.float32), np.zeros((4, 3), np.float32)
    ekiben.keras.save_model("given", tmp_path / "old.h5")
    with ekiben.models.create("found", module="ekiben.keras") as model:
        (tmp_path / "old.h5").rename(model.path / "old.h5")
    for name in ("given", "found"):
        loaded = ekiben.keras.load_model(name)
        expected = rows @ kernel + bias
        assert np.allclose(loaded.predict(rows), expected)
        assert loaded.evaluate(rows, targets, verbose=0) == pytest.approx([(expected**2).mean(), expected.mean()])
        assert loaded.fit(rows, targets, verbose=0).history["loss"]


def test_hdf5_with_an_unknown_loss(keras: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where Keras 3 has no such loss, the model predicts all the same, and a warning says what is missing."""
    write_keras_two(tmp_path / "old.h5", {"loss": {"class_name": "Mine", "config": {}}, "optimizer_config": ADAM})
    saved = ekiben.keras.save_model("old", str(tmp_path / "old.h5"))
    assert "old.h5 is not compiled" in caplog.text
    assert saved.load_model().predict(np.ones((1, 8))).shape == (1, 3)


def test_hdf5_of_keras_three(trained: Any, tmp_path: Path) -> None:
    """HDF5 of Keras 3 comes back compiled."""
    trained.save(tmp_path / "three.h5")
    loaded = ekiben.keras.load_model(ekiben.keras.save_model("three", tmp_path / "three.h5"))
    assert loaded.evaluate(ROWS, KINDS, verbose=0) == pytest.approx(trained.evaluate(ROWS, KINDS, verbose=0))


def test_hdf5_of_keras_three_with_a_short_name(keras: Any, tmp_path: Path) -> None:
    """A loss called `mse`, which Keras 3 writes into HDF5 and cannot read, is compiled again."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(loss="mse", metrics=["mae"])
    model.save(tmp_path / "short.h5")
    loaded = ekiben.keras.load_model(ekiben.keras.save_model("short", tmp_path / "short.h5"))
    rows, targets = np.ones((3, 2)), np.zeros((3, 1))
    assert loaded.evaluate(rows, targets, verbose=0) == pytest.approx(model.evaluate(rows, targets, verbose=0))


@pytest.mark.parametrize("letter", ["_", "\\u005f"])
def test_code_in_hdf5(tmp_path: Path, letter: str) -> None:
    """A `Lambda` layer in HDF5 is refused before Keras sees it, which ran it before 3.11.3; however it is spelled."""
    file, seen = tmp_path / "code.h5", list[Path]()
    layer = '{"class_name": "Lambda", "config": {"function": {"class_name": "_%s", "config": {"code": "4wEAAA"}}}}'
    with importlib.import_module("h5py").File(file, "w") as archive:
        archive.attrs.update({"keras_version": "3.5.0", "model_config": layer % f"{letter}lambda__"})

    def load_model(path: Path, **_: Any) -> Any:
        seen.append(path)

    older: Any = SimpleNamespace(saving=SimpleNamespace(load_model=load_model))
    with pytest.raises(ValueError, match="has a `Lambda` layer"):
        open_file(older, file, compile=False)
    assert not seen
    open_file(older, file, compile=False, safe_mode=False)
    assert seen == [file]
    with pytest.raises(StoreError, match="has a `Lambda` layer"):
        ekiben.keras.save_model("code", file)


def test_a_model_of_bentoml(trained: Any, keras: Any) -> None:
    """BentoML 1.4 writes the parts of a `.keras` file into the folder itself, which is loaded as it is."""
    with ekiben.models.create("old", module="bentoml.keras", options={"include_optimizer": True}) as model:
        keras.saving.save_model(trained, model.path, zipped=False)
    loaded = ekiben.keras.load_model("old")
    assert loaded.evaluate(ROWS, KINDS, verbose=0) == pytest.approx(trained.evaluate(ROWS, KINDS, verbose=0))
    assert train_on(loaded) == train_on(trained)


def test_wrong_objects(keras: Any) -> None:
    """What is no model, or no file of one, is refused by name."""
    with pytest.raises(ConfigError, match=r"object of keras: it is a builtins\.dict"):
        ekiben.keras.save_model("net", {})
    with pytest.raises(ConfigError, match=r"path of a \.keras, \.h5 or \.hdf5 file: 'model.pb'"):
        ekiben.keras.save_model("net", "model.pb")


def test_importing_keras_is_quiet(trained: Any, python) -> None:
    """TensorFlow's greetings stay out of a server's log, and the environment stays as it was."""
    ekiben.keras.save_model("net", trained)
    done = python(
        "import os, ekiben.models as m, numpy as np\n"
        "m.get('net').load_model().predict(np.ones((1, 8, 8, 1)))\n"
        "print('TF_CPP_MIN_LOG_LEVEL' in os.environ)"
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
    assert "keras" in sys.modules
