"""What the real BentoML saved with Keras is loaded as it is, and served without code."""

import json
from pathlib import Path

import numpy as np
import pytest

import ekiben.keras
import ekiben.models
from ekiben.services.load import load
from tests.store import bentoml

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("default"),
]

SAVE = """
import json, sys
import bentoml, keras, numpy as np
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
model.compile(loss="mse")
saved = bentoml.keras.save_model("net", model)
bentoml.models.export_model(saved.tag, f"{sys.argv[1]}/net.bentomodel")
print(json.dumps([str(saved.tag), model.predict(np.ones((2, 4)), verbose=0).tolist()]))
"""


def test_a_network(tmp_path: Path) -> None:
    """A network answers as it did there: in their home, and from their archive."""
    printed = bentoml.run(SAVE, tmp_path / "home", tmp_path, libraries=("keras", "tensorflow-cpu"))
    tag, expected = json.loads(printed.splitlines()[-1])
    with ekiben.models.use_home(tmp_path / "home"):
        assert np.allclose(ekiben.keras.load_model("net").predict(np.ones((2, 4))), expected, atol=1e-6)
    assert str(ekiben.models.import_model(tmp_path / "net.bentomodel").tag) == tag
    assert np.allclose(load(f"model:{tag}").create({}).predict(np.ones((2, 4), "f4")), expected, atol=1e-6)
