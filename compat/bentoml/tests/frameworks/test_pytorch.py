"""Modules of PyTorch and of Lightning travel whole or as programs, and answer elsewhere as here."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.pytorch import PytorchLightningModelArtifact, PytorchModelArtifact

from compat.bentoml.tests.frameworks.trips import refuses, run, travel, write
from ekiben.exceptions import InvalidInput, StoreError
from tests.libraries import later

torch: Any = later("torch")
lightning: Any = later("lightning.pytorch")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

ROWS = [[1.0, 2.0], [-3.0, 0.5], [0.0, 0.0]]
BODY = "model(torch.tensor(rows)).tolist()"
NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.inner = torch.nn.Linear(2, 3)

    def forward(self, rows):
        return torch.relu(self.inner(rows)) * 2
"""

ASK = """
import sys, bentoml
try:
    bentoml.load(sys.argv[1]).artifacts.model
except bentoml.exceptions.BentoMLException as error:
    print(error.message, error.hint)
"""


def layers() -> Any:
    """Make a module of PyTorch's own layers."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Dropout(0.5)).eval()


def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a module of a class in a file of one's own, called `training_of_a_net`."""
    (folder / "project").mkdir(exist_ok=True)
    (folder / "project" / "training_of_a_net.py").write_text(NET)
    monkeypatch.syspath_prepend(folder / "project")
    monkeypatch.delitem(sys.modules, "training_of_a_net", raising=False)
    return importlib.import_module("training_of_a_net").Net().eval()


def test_layers(tmp_path: Path) -> None:
    """A module of PyTorch's layers comes back, ready to predict, and its package is asked for."""
    trip = travel(tmp_path, PytorchModelArtifact, layers(), ROWS, body=BODY, imports="import torch")
    assert trip.requirements()["torch"] == torch.__version__.partition("+")[0]
    assert (trip.path / "Traveller" / "artifacts" / "model.pt").is_file()


def test_a_class_that_the_service_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of a class that the service's module imports travels in the bundle."""
    model = own(tmp_path, monkeypatch)
    trip = travel(
        tmp_path, PytorchModelArtifact, model, ROWS, body=BODY, imports="import torch\nimport training_of_a_net",
        arguments=", file_extension='.pth'",
    )  # fmt: skip
    assert "training_of_a_net" in trip.modules
    assert (trip.path / "Traveller" / "artifacts" / "model.pth").is_file()


def test_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scripted module, packed as a file, needs none of the code that it was made of."""
    torch.jit.save(torch.jit.script(own(tmp_path, monkeypatch)), tmp_path / "net.pt")
    trip = travel(tmp_path, PytorchModelArtifact, str(tmp_path / "net.pt"), ROWS, body=BODY, imports="import torch")
    assert "training_of_a_net" not in trip.modules


def test_a_class_that_was_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the code of a class stayed at home, the error elsewhere names its module and what to do."""
    service = write(tmp_path / "project", PytorchModelArtifact, BODY, imports="import torch")()
    service.pack("model", own(tmp_path, monkeypatch))
    service.save_to_dir(str(tmp_path / "bundle"))
    said = run(tmp_path, ASK, str(tmp_path / "bundle")).stdout
    assert "the artifact `model` cannot be unpickled without the module `training_of_a_net`" in said
    assert "import `training_of_a_net` in the module of the service" in said


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another object, a module that no pickle holds, and files that run code where that is forbidden."""
    refuses(PytorchModelArtifact("model"), {"weights": 1}, "a `torch.nn.Module`")
    refuses(PytorchLightningModelArtifact("model"), 3, "a `torch.nn.Module`")
    refuses(PytorchLightningModelArtifact("model"), torch.nn.Linear(1, 1), "a `LightningModule`")
    with pytest.raises(InvalidInput, match=r"`model` must be packed with a file that is there: 'gone\.pt'"):
        PytorchModelArtifact("model").pack("gone.pt")
    held = layers()
    held.frame = sys._getframe()
    with pytest.raises(InvalidInput, match=r"the artifact `model` cannot be written: .+"):
        PytorchModelArtifact("model").pack(held).save(str(tmp_path))
    for name, model in (("whole", layers()), ("program", torch.jit.script(layers()))):
        PytorchModelArtifact(name).pack(model).save(str(tmp_path))
    (tmp_path / "damaged.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:300])
    with pytest.raises(StoreError, match="the artifact `damaged` cannot be unpickled"):
        PytorchModelArtifact("damaged").load(str(tmp_path))
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    for name in ("whole", "program"):
        with pytest.raises(StoreError, match=f"the artifact `{name}` must .* EKIBEN_FORBID_UNPICKLING forbids"):
            PytorchModelArtifact(name).load(str(tmp_path))


def lit() -> Any:
    """Make a class of Lightning's modules."""

    class Lit(lightning.LightningModule):
        def __init__(self):  # type: ignore[no-untyped-def]  # TorchScript reads what is written here
            super().__init__()
            torch.manual_seed(2)
            self.inner = torch.nn.Linear(2, 2)

        def forward(self, rows):  # type: ignore[no-untyped-def]
            return self.inner(rows)

    return Lit


def test_lightning(tmp_path: Path) -> None:
    """A module of Lightning travels as a program: elsewhere Lightning is not imported."""
    trip = travel(tmp_path, PytorchLightningModelArtifact, lit()().eval(), ROWS, body=BODY, imports="import torch")
    assert not {"lightning", "pytorch_lightning"} & set(trip.modules)
    assert "torch" in trip.requirements()
    assert {"lightning", "pytorch-lightning"} & set(trip.requirements())


def test_a_module_of_lightning_that_is_no_program(tmp_path: Path) -> None:
    """What TorchScript cannot express is told with the artifact's name, when it is saved."""

    class Odd(lightning.LightningModule):
        def forward(self, rows: Any) -> Any:
            return {**rows}

    with pytest.raises(InvalidInput, match=r"the artifact `odd` cannot be written: .+") as caught:
        PytorchLightningModelArtifact("odd").pack(Odd()).save(str(tmp_path))
    assert "\n" not in caught.value.message
