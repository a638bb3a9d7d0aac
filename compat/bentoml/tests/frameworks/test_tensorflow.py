"""Programs of TensorFlow travel as SavedModel, and need none of the code that they were made of."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.tensorflow import TensorflowSavedModelArtifact

from compat.bentoml.tests.frameworks.trips import refuses, travel
from ekiben.exceptions import InvalidInput, StoreError
from tests.libraries import later

tf: Any = later("tensorflow")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("default"),
]

ROWS = [[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]]
KIND = TensorflowSavedModelArtifact


def module() -> Any:
    """Make a module with one function."""

    class Scale(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable([[1.0], [2.0]])

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
        def __call__(self, rows: Any) -> Any:
            return rows @ self.weights

    return Scale()


def test_a_module(tmp_path: Path) -> None:
    """A module answers elsewhere by its call, and its package is asked for."""
    body = "model(tf.constant(rows)).numpy().tolist()"
    trip = travel(tmp_path, KIND, module(), ROWS, body=body, imports="import tensorflow as tf")
    assert {"tensorflow", "tensorflow-cpu"} & set(trip.requirements())
    assert (trip.path / "Traveller" / "artifacts" / "model_saved_model" / "saved_model.pb").is_file()


def test_a_folder(tmp_path: Path) -> None:
    """A folder that TensorFlow wrote is packed by its path, and copied as it is, signatures too."""
    made = module()
    names = {"doubled": tf.function(lambda rows: {"out": made(rows) * 2}).get_concrete_function(
        tf.TensorSpec([None, 2], tf.float32, name="rows")
    )}  # fmt: skip
    tf.saved_model.save(made, str(tmp_path / "exported"), signatures=names)
    held = KIND("model").pack(tmp_path / "exported", metadata={"from": "a folder"})
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        held.save(str(tmp_path / folder))
        held = KIND("model").load(str(tmp_path / folder))
        found = held.get().signatures["doubled"](rows=tf.constant(ROWS))["out"].numpy()
        assert found.tolist() == [[10.0], [-4.0], [0.0]]


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What TensorFlow cannot track, a folder of something else, a damaged one, and any where programs are forbidden."""
    refuses(KIND("model"), {"weights": 1}, "a `tf.Module`")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match=r"`model` must be packed with the folder of a SavedModel: '.*empty'"):
        KIND("model").pack(str(tmp_path / "empty"))
    made = module()
    with pytest.raises(InvalidInput, match=r"the artifact `model` cannot be written: .+") as caught:
        KIND("model").pack(made, signatures=3).save(str(tmp_path))
    assert "\n" not in caught.value.message
    KIND("whole").pack(made).save(str(tmp_path))
    KIND("broken").pack(made).save(str(tmp_path))
    (tmp_path / "broken_saved_model" / "saved_model.pb").write_bytes(b"\x00broken")
    with pytest.raises(StoreError, match="the artifact `broken` cannot be") as told:
        KIND("broken").load(str(tmp_path))
    assert "\n" not in told.value.message
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="`whole` must run the program that it is, which EKIBEN_FORBID_UNPICKLING"):
        KIND("whole").load(str(tmp_path))
