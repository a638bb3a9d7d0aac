"""Modules of Flax travel with their variables, whose numbers need no unpickling."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.flax
import ekiben.models
from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from tests.libraries import later
from tests.servers import serving

jax: Any = later("jax")
linen: Any = later("flax.linen")

pytestmark = [pytest.mark.heavy, pytest.mark.jax, pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]

ROWS = np.random.default_rng(0).random((5, 4), dtype=np.float32)
TRAIN = """
import sys, json
import jax, jax.numpy as jnp
import flax.linen as nn
import ekiben.models, ekiben.flax

class Net(nn.Module):
    width: int

    @nn.compact
    def __call__(self, rows):
        return nn.softmax(nn.Dense(self.width)(rows))

model = Net(3)
state = model.init(jax.random.key(0), jnp.ones((1, 4)))
saved = ekiben.flax.save_model("net", model, state, sample=jnp.ones((2, 4)), custom_objects={"labels": ["a"]})
assert saved.info.signatures["__call__"].batchable and saved.info.needs_unpickling
ekiben.models.export_model("net", sys.argv[1])
print(json.dumps(model.apply(state, jnp.ones((2, 4))).tolist()))
"""
USE = """
import sys, json
import jax.numpy as jnp
import ekiben.models, ekiben.flax
stored = ekiben.models.import_model(sys.argv[1])
model, state = ekiben.flax.load_model(stored, "cpu:0")
assert stored.custom_objects["labels"] == ["a"]
print(json.dumps(model.apply(state, jnp.ones((2, 4))).tolist()))
"""


def dense() -> tuple[Any, Any]:
    """Make a layer and its variables."""
    module = linen.Dense(3)
    return module, module.init(jax.random.key(1), ROWS)


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
        assert server.http.post("/predict", json=[[1.0]]).status_code == 400


def test_a_module_of_ones_own_spares_the_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a module given, nothing is unpickled; without, it can be forbidden."""
    module, state = dense()
    ekiben.models.save("dense", (module, state))
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    made, found = ekiben.flax.load_model("dense", module=linen.Dense(3))
    assert np.allclose(made.apply(found, ROWS), module.apply(state, ROWS), atol=1e-6)
    with pytest.raises(StoreError, match="must be unpickled, which EKIBEN_FORBID_UNPICKLING forbids"):
        ekiben.flax.load_model("dense")


def test_wrong_arguments() -> None:
    """Wrong objects, devices, samples and damaged files are one clear error each."""
    module, state = dense()
    with pytest.raises(ConfigError, match="`model` must be an object of flax"):
        ekiben.flax.save_model("none", {"a": 1}, state)
    with pytest.raises(InvalidInput, match="`sample` must be an input"):
        ekiben.flax.save_model("none", module, state, sample=np.ones((2, 9)))
    saved = ekiben.flax.save_model("dense", module, state)
    with pytest.raises(ConfigError, match="`device` must be one that JAX has here"):
        saved.load_model(device="gpu:3")
    with pytest.raises(ConfigError, match="`module` must be a module of"):
        saved.load_model(module=3)
    for name, content, message in (
        ("cut", b"\xc1", "cannot be read by Flax"),
        ("none", None, "must hold saved_model.msgpack"),
    ):
        with ekiben.models.create(name, module="ekiben.flax") as model:
            if content is not None:
                (model.path / "saved_model.msgpack").write_bytes(content)
        with pytest.raises(StoreError, match=message):
            ekiben.flax.load_model(name)
