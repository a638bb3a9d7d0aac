"""Programs of TorchScript are saved, loaded without their classes, and count as code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.models
import ekiben.pytorch
import ekiben.torchscript
from ekiben.core.errors import ConfigError, StoreError
from tests.libraries import later
from tests.servers import serving

torch: Any = later("torch")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.torch,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
]

ROWS = np.random.default_rng(0).random((5, 4), dtype=np.float32)
TRAIN = """
import sys, torch, warnings
warnings.simplefilter("ignore")
import ekiben.models, ekiben.torchscript

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 3)

    def forward(self, rows):
        return self.inner(rows).softmax(-1)

    @torch.jit.export
    def twice(self, rows):
        return self.forward(rows) * 2

torch.manual_seed(1)
model = torch.jit.script(Net())
ekiben.torchscript.save_model(
    "net", model, _extra_files={"labels": "a,b"}, signatures=["__call__", "twice"], sample=torch.ones(2, 4)
)
ekiben.models.export_model("net", sys.argv[1])
print(model.twice(torch.ones(2, 4)).tolist())
"""
USE = """
import sys, torch
import ekiben.models, ekiben.torchscript
stored = ekiben.models.import_model(sys.argv[1])
extra = {"labels": ""}
print(ekiben.torchscript.load_model(stored, "cpu", _extra_files=extra).twice(torch.ones(2, 4)).tolist())
assert extra == {"labels": b"a,b"}, extra
"""


def script() -> Any:
    """Make a small program."""
    torch.manual_seed(2)
    return torch.jit.script(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Dropout(0.5)))


def test_without_the_training_code(python, tmp_path: Path) -> None:
    """A program, its exported method and its texts work where its class is not, and are served there."""
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "train.py").write_text(TRAIN)  # TorchScript reads the source
    trained = python("import train", str(tmp_path / "net.bentomodel"), cwd=sources)
    used = python(USE, str(tmp_path / "net.bentomodel"), EKIBEN_HOME=str(tmp_path / "other"))
    assert used.stdout == trained.stdout
    with serving("net:latest") as server:
        answer = server.http.post("/twice", json=[[1.0, 1.0, 1.0, 1.0]])
        assert answer.status_code == 200, answer.text
        assert np.sum(answer.json()) == pytest.approx(2)
        assert server.http.post("/predict", json=[[1.0]]).status_code == 400


def test_it_comes_back_ready_to_predict() -> None:
    """What is loaded predicts without dropout, on the named device; saving leaves the program in training."""
    model = script().train()
    saved = ekiben.models.save("net", model, sample=ROWS[:2])
    assert (saved.info.module, saved.info.format, model.training) == ("ekiben.torchscript", "torchscript", True)
    assert saved.info.signatures["__call__"].batchable
    loaded = ekiben.torchscript.load_model("net", "cpu")
    assert not loaded.training
    assert torch.equal(loaded(torch.as_tensor(ROWS)), model.eval()(torch.as_tensor(ROWS)))
    with pytest.raises(ConfigError, match="`device_id` must be a device"):
        ekiben.torchscript.load_model("net", "cuda:77")


def test_a_frozen_program() -> None:
    """A frozen program, which no longer knows of training, is tried with its sample too."""
    ekiben.torchscript.save_model("frozen", torch.jit.freeze(script().eval()), sample=ROWS[:2])
    found = ekiben.torchscript.load_model("frozen")(torch.as_tensor(ROWS))
    assert torch.allclose(found, script().eval()(torch.as_tensor(ROWS)), atol=1e-6)


def test_programs_can_be_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program reaches files, so the setting that forbids unpickling forbids it, whatever model.yaml says."""
    saved = ekiben.torchscript.save_model("net", script())
    assert saved.info.needs_unpickling
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="must run the program that it is, which EKIBEN_FORBID_UNPICKLING forbids"):
        ekiben.torchscript.load_model("net")


def test_wrong_objects_and_files() -> None:
    """A module that is no program is sent to its framework; a damaged or missing file is one clear error."""
    with pytest.raises(ConfigError, match="`model` must be an object of torch") as caught:
        ekiben.torchscript.save_model("net", torch.nn.Linear(1, 1))
    assert "ekiben.pytorch.save_model" in (caught.value.hint or "")
    with pytest.raises(ConfigError) as caught:
        ekiben.pytorch.save_model("net", script())
    assert "ekiben.torchscript.save_model" in (caught.value.hint or "")
    for name, content, message in (
        ("cut", b"PK", "cannot be read by PyTorch"),
        ("none", None, "must hold saved_model.pt"),
    ):
        with ekiben.models.create(name, module="ekiben.torchscript") as model:
            if content is not None:
                (model.path / "saved_model.pt").write_bytes(content)
        with pytest.raises(StoreError, match=message):
            ekiben.torchscript.load_model(name)
