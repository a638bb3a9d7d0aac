"""TensorFlow modules travel as SavedModel, without their classes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.models
import ekiben.tensorflow
from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from tests.libraries import later
from tests.servers import serving

tf: Any = later("tensorflow")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("default"),
]

ROWS = np.random.default_rng(0).random((5, 4), dtype=np.float32)
TRAIN = """
import sys, json
import tensorflow as tf
import ekiben.models, ekiben.tensorflow

class Net(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.random.stateless_normal((4, 3), (1, 2)))

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
    def __call__(self, rows):
        return tf.nn.softmax(rows @ self.kernel)

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
    def twice(self, rows):
        return {"twice": self(rows) * 2}

model = Net()
saved = ekiben.tensorflow.save_model(
    "net", model, sample=tf.ones((2, 4)), signatures={"__call__": {"batchable": True}, "twice": {}},
    tf_signatures={"serving_default": model.twice}, custom_objects={"labels": ["a", "b", "c"]},
)
assert saved.info.needs_unpickling
ekiben.models.export_model("net", sys.argv[1])
print(json.dumps(model(tf.ones((2, 4))).numpy().tolist()))
"""
USE = """
import sys, json
import tensorflow as tf
import ekiben.models, ekiben.tensorflow
stored = ekiben.models.import_model(sys.argv[1])
model = ekiben.tensorflow.load_model(stored, "cpu:0")
assert "CPU:0" in model.kernel.device and stored.custom_objects["labels"][2] == "c"
assert "twice" in model.signatures["serving_default"](tf.ones((1, 4)))
print(json.dumps(model(tf.ones((2, 4))).numpy().tolist()))
"""


def simple() -> Any:
    """Make a module with one function, which takes any numbers."""
    module = tf.Module()
    module.kernel = tf.Variable(tf.ones((4, 3)))
    module.predict = tf.function(
        lambda rows: rows @ module.kernel, input_signature=[tf.TensorSpec((None, 4), tf.float32)]
    )
    return module


def test_without_the_training_code(python, tmp_path: Path) -> None:
    """A module of the training script works where that is not, on the named device, and is served without code."""
    archive = str(tmp_path / "net.bentomodel")
    trained = python(TRAIN, archive)
    used = python(USE, archive, EKIBEN_HOME=str(tmp_path / "other"))
    expected = json.loads(trained.stdout.splitlines()[-1])
    assert np.allclose(json.loads(used.stdout.splitlines()[-1]), expected, atol=1e-6)
    with serving("net:latest") as server:
        answer = server.http.post("/predict", json=[[1.0] * 4] * 2)
        assert answer.status_code == 200, answer.text
        assert np.allclose(answer.json(), expected, atol=1e-6)
        twice = server.http.post("/twice", json=[[1.0] * 4])
        assert np.allclose(twice.json()["twice"][0], np.multiply(expected[0], 2), atol=1e-6)
        assert server.http.post("/predict", json=[[1.0]]).status_code == 400


def test_functions_are_found() -> None:
    """Without a call, the functions of the module are served, before and after a journey; float64 becomes float32."""
    saved = ekiben.models.save("net", simple(), sample=ROWS.astype(np.float64))
    assert (saved.info.module, saved.info.format) == ("ekiben.tensorflow", "saved_model")
    assert {name: each.batchable for name, each in saved.info.signatures.items()} == {"predict": True}
    again = ekiben.models.save("again", ekiben.tensorflow.load_model("net"), sample=ROWS)
    assert list(again.info.signatures) == ["predict"]


def test_programs_can_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SavedModel reaches files, so the setting that forbids unpickling forbids it."""
    ekiben.tensorflow.save_model("net", simple())
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="must run the program that it is, which EKIBEN_FORBID_UNPICKLING forbids"):
        ekiben.tensorflow.load_model("net")


def test_wrong_arguments() -> None:
    """A wrong object, device, sample and a damaged file are one clear error each."""
    with pytest.raises(ConfigError, match="`model` must be an object of tensorflow"):
        ekiben.tensorflow.save_model("none", {"a": 1})
    with pytest.raises(InvalidInput, match="`sample` must be an input of the model's `predict`"):
        ekiben.tensorflow.save_model("net", simple(), sample=np.ones((2, 3)))
    ekiben.tensorflow.save_model("net", simple())
    with pytest.raises(ConfigError, match="`device_name` must be one of cpu:0"):
        ekiben.tensorflow.load_model("net", "gpu:7")
    for name, content, message in (
        ("cut", b"x", "cannot be read by TensorFlow"),
        ("none", None, "must hold saved_model.pb"),
    ):
        with ekiben.models.create(name, module="ekiben.tensorflow") as model:
            if content is not None:
                (model.path / "saved_model.pb").write_bytes(content)
        with pytest.raises(StoreError, match=message):
            ekiben.tensorflow.load_model(name)
