"""A bento whose settings name neither Keras nor TensorFlow answers in its own environment."""

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

import ekiben.keras
from ekiben.bundle.bento import build
from ekiben.core.uv import find_uv
from tests.servers import serving

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's, on NumPy 2
]

SERVICE = """
import ekiben
import numpy as np

@ekiben.service
class Clasificador:
    stored = ekiben.models.get("clasificador")

    def __init__(self):
        self.model = self.stored.load_model()

    @ekiben.api
    def clasificar(self, rows: list[list[float]]) -> list[float]:
        return np.asarray(self.model.predict(np.asarray(rows))).ravel().tolist()
"""
BENTOFILE = """
service: "service:Clasificador"
include: ["*.py"]
python:
   packages:  # Paquetes adicionales requeridos por el servicio
   - scikit-learn
   - pandas
"""


def test_it_answers(tmp_path: Path, home: Path) -> None:
    """The model's own packages are locked in its versions, and the bento predicts what the model did."""
    command = [find_uv("a test"), "pip", "compile", "--quiet", "--refresh", "-"]
    asked = subprocess.run(command, input="packaging", capture_output=True, text=True, cwd=tmp_path, timeout=60)
    if asked.returncode:
        pytest.skip("no index of packages can be reached from this machine")
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    ekiben.keras.save_model("clasificador", model)
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    expected = model.predict(keras.ops.convert_to_tensor(rows), verbose=0).ravel().tolist()
    (tmp_path / "project").mkdir()
    (tmp_path / "project/service.py").write_text(SERVICE)
    (tmp_path / "project/bentofile.yaml").write_text(dedent(BENTOFILE))
    said: list[str] = []
    build(build_ctx=tmp_path / "project", version="v1", tell=said.append)
    assert any(line.startswith(f"keras=={keras.__version__} is added") for line in said), said
    with serving("clasificador:v1", "--env", cwd=tmp_path, wait=False) as server:
        server.wait_until_ready(600)
        answer = server.http.post("/clasificar", json={"rows": rows}).json()
    assert answer == pytest.approx(expected, rel=1e-4)
