"""A Keras model in a real server: right answers under load, and a quiet log."""

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ekiben.keras
from tests.servers import Running, serving

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.tensorflow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras's, on NumPy 2
]

ROWS = np.random.default_rng(0).random((50, 8, 8, 1), dtype=np.float32)
SERVICE = """
import ekiben
import numpy as np

@ekiben.service
class Pictures:
    stored = ekiben.models.get("net")

    def __init__(self):
        self.model = self.stored.load_model()

    @ekiben.api
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.model.predict(rows)
"""


@pytest.fixture(scope="module")
def network():
    """A network that was compiled and never trained."""
    keras = importlib.import_module("keras")
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.compile(loss="mse")
    return model


def ask_at_once(server: Running, wrap) -> list[np.ndarray]:
    """Send the fifty rows in as many requests at once."""

    def ask(row: np.ndarray) -> np.ndarray:
        answer = server.http.post("/predict", json=wrap(row[None].astype(float).tolist()))
        assert answer.status_code == 200, answer.text
        return np.asarray(answer.json())

    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(ask, ROWS))


def check(server: Running, network, wrap) -> None:
    """Hold answers and log to what they must be."""
    before = len(server.log.splitlines())
    answers = np.concatenate(ask_at_once(server, wrap))
    assert np.abs(answers - network.predict(ROWS, verbose=0)).max() < 1e-6
    said = server.log.splitlines()[before:]
    assert len(said) <= 50
    assert not any(noise in server.log for noise in ("ms/step", "━", "cpu_feature_guard", "\b"))


def test_a_stored_model(network) -> None:
    """Served without code: fifty requests at once, one line of log each at most, no progress bar."""
    ekiben.keras.save_model("net", network, sample=ROWS[:2])
    with serving("net:latest") as server:
        check(server, network, lambda rows: rows)


def test_a_service(network, tmp_path: Path) -> None:
    """Within a class as well: the model is loaded by its handle, and predicts in silence."""
    ekiben.keras.save_model("net", network)
    (tmp_path / "service.py").write_text(SERVICE)
    with serving("service:Pictures", cwd=tmp_path) as server:
        check(server, network, lambda rows: {"rows": rows})
