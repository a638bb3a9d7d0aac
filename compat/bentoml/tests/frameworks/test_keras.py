"""Models of Keras travel in each of their forms, with classes of one's own beside them."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.keras import KerasModelArtifact

from compat.bentoml.tests.frameworks.trips import refuses, travel
from ekiben.exceptions import InvalidInput, StoreError
from tests.libraries import later

keras: Any = later("keras")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("default"),
]

ROWS = [[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]]
BODY = "model.predict(np.array(rows)).tolist()"
FORMS = {
    "one file of HDF5": {},
    "one file": {"model_extension": ".keras"},
    "JSON and weights": {"store_as_json_and_weights": True},
}


def layers(*more: Any) -> Any:
    """Make a small model, compiled."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="relu"), *more])
    model.compile(loss="mse", optimizer="adam")
    return model


def test_a_model(tmp_path: Path) -> None:
    """A model in its usual form, HDF5, answers elsewhere, and both of its packages are asked for."""
    trip = travel(tmp_path, KerasModelArtifact, layers(), ROWS, body=BODY, imports="import numpy as np")
    assert "keras" in trip.requirements()
    assert {"tensorflow", "tensorflow-cpu"} & set(trip.requirements())
    assert (trip.path / "Traveller" / "artifacts" / "model.h5").is_file()


def test_classes_of_ones_own(tmp_path: Path) -> None:
    """A layer of the test's own, packed beside the model, is found where the test is not."""

    class Plus(keras.layers.Layer):
        def __init__(self, number: float = 1.0, **told: Any) -> None:
            super().__init__(**told)
            self.number = number

        def call(self, x: Any) -> Any:
            return x + self.number

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "number": self.number}

    given = {"model": layers(Plus(3.0)), "custom_objects": {"Plus": Plus}}
    travel(
        tmp_path, KerasModelArtifact, given, ROWS, body=BODY, imports="import numpy as np",
        arguments=", model_extension='.keras'",
    )  # fmt: skip


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    """Each form holds the same model; a Lambda layer, which is code, is read unless code is forbidden."""
    model = layers(keras.layers.Lambda(lambda x: x * 2))
    expected = model(keras.ops.array(ROWS)).numpy().tolist()
    KerasModelArtifact("model", **options).pack(model).save(str(tmp_path))
    found = KerasModelArtifact("model", **options).load(str(tmp_path)).get()
    assert found(keras.ops.array(ROWS)).numpy().tolist() == expected
    if "store_as_json_and_weights" not in options:
        [file] = tmp_path.iterdir()
        assert KerasModelArtifact("model").pack(str(file)).get().loss == "mse"
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="`model` has a Lambda layer, whose code EKIBEN_FORBID_UNPICKLING forbids"):
        KerasModelArtifact("model", **options).load(str(tmp_path))
    (tmp_path / "plain").mkdir()
    KerasModelArtifact("model", **options).pack(layers()).save(str(tmp_path / "plain"))
    assert KerasModelArtifact("model", **options).load(str(tmp_path / "plain")).get() is not None


def test_what_is_refused(tmp_path: Path) -> None:
    """Another object, a file that is not there, one that is damaged, and a class that was not packed."""
    refuses(KerasModelArtifact("model"), [1], "a model of Keras")
    with pytest.raises(InvalidInput, match=r"`model` must be packed with a file that is there: 'gone\.h5'"):
        KerasModelArtifact("model").pack("gone.h5")
    with pytest.raises(InvalidInput, match="`model` must be packed with a model of Keras: NoneType"):
        KerasModelArtifact("model").pack({"custom_objects": {}})

    class Odd(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    KerasModelArtifact("odd", model_extension=".keras").pack(layers(Odd())).save(str(tmp_path))
    (tmp_path / "damaged.keras").write_bytes(b"PK\x03\x04")
    for name in ("odd", "damaged"):
        with pytest.raises(StoreError, match=f"the artifact `{name}` cannot be read: .+") as caught:
            KerasModelArtifact(name, model_extension=".keras").load(str(tmp_path))
        assert "\n" not in caught.value.message
        assert "custom_objects" in str(caught.value.hint)
