"""Modules of Lightning are saved without their trainer, and can be trained on."""

import json
from pathlib import Path
from typing import Any

import pytest

import ekiben.models
import ekiben.pytorch_lightning
from ekiben.core.errors import ConfigError
from tests.libraries import later
from tests.servers import serving

torch: Any = later("torch")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]

TRAIN = """
import sys, torch, warnings, json
warnings.simplefilter("ignore")
import PACKAGE as lightning
import ekiben.models, ekiben.pytorch_lightning

class Net(lightning.LightningModule):
    def __init__(self, width=3):
        super().__init__()
        self.save_hyperparameters()
        self.inner = torch.nn.Linear(4, width)

    def forward(self, rows):
        return self.inner(rows)

    def training_step(self, batch, index):
        return self(batch).pow(2).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)

torch.manual_seed(1)
model, data = Net(), torch.utils.data.DataLoader(torch.ones(8, 4), batch_size=4)
trainer = lightning.Trainer(
    max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
    enable_model_summary=False,
)
trainer.fit(model, data)
saved = ekiben.pytorch_lightning.save_model("net", model, sample=torch.ones(2, 4))
assert model.trainer is trainer
assert saved.info.signatures["__call__"].batchable and saved.info.format == "safetensors"
ekiben.models.export_model("net", sys.argv[1])
print(json.dumps(model(torch.ones(2, 4)).tolist()))
"""
USE = """
import sys, json, warnings
warnings.simplefilter("ignore")
import torch, PACKAGE as lightning
import ekiben.models
model = ekiben.models.import_model(sys.argv[1]).load_model(device_id="cpu")
print(json.dumps(model(torch.ones(2, 4)).tolist()))
assert isinstance(model, lightning.LightningModule) and model.hparams.width == 3 and not model.training
trainer = lightning.Trainer(
    max_steps=1, logger=False, enable_checkpointing=False, enable_progress_bar=False, accelerator="cpu",
    enable_model_summary=False,
)
trainer.fit(model, torch.utils.data.DataLoader(torch.ones(8, 4), batch_size=4))
"""


@pytest.mark.parametrize("package", ["lightning.pytorch", "pytorch_lightning"])
def test_a_trained_module(package: str, python, tmp_path: Path) -> None:
    """A trained module works where its class is not, by either name of Lightning, is trained on, and served."""
    archive = str(tmp_path / "net.bentomodel")
    trained = python(TRAIN.replace("PACKAGE", package), archive)
    used = python(USE.replace("PACKAGE", package), archive, EKIBEN_HOME=str(tmp_path / "other"))
    expected = json.loads(trained.stdout.splitlines()[-1])
    assert json.loads(used.stdout.splitlines()[0]) == expected
    with serving("net:latest") as server:
        answer = server.http.post("/predict", json=[[1.0] * 4] * 2)
        assert answer.status_code == 200, answer.text
        assert answer.json() == [pytest.approx(row, abs=1e-6) for row in expected]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_what_bentoml_wrote() -> None:
    """A file of TorchScript, as BentoML stores such modules, is read as what it is."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    with ekiben.models.create("theirs", module="bentoml.pytorch_lightning") as model:
        torch.jit.save(torch.jit.script(layer), str(model.path / "saved_model.pt"))
    assert torch.equal(ekiben.pytorch_lightning.load_model("theirs")(torch.ones(1, 4)), layer(torch.ones(1, 4)))


def test_a_module_of_pytorch() -> None:
    """A plain module is sent to its own framework."""
    with pytest.raises(ConfigError, match="`model` must be an object of lightning") as caught:
        ekiben.pytorch_lightning.save_model("net", torch.nn.Linear(1, 1))
    assert "ekiben.pytorch.save_model" in (caught.value.hint or "")
