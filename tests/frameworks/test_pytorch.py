"""PyTorch modules are parted into numbers and structure, and come back whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.models
import ekiben.picklable_model
import ekiben.pytorch
from ekiben.core.errors import ConfigError, InvalidInput, NotFound, StoreError
from ekiben.frameworks.torch_file import STATE, STRUCTURE, WHOLE
from tests.libraries import later

torch: Any = later("torch")

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.torch,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
]

ROWS = np.random.default_rng(0).random((5, 4), dtype=np.float32)


def layers() -> Any:
    """Make a small network of PyTorch's own layers, with dropout, statistics and weights of its own."""
    torch.manual_seed(7)
    parts = torch.nn
    return parts.Sequential(
        parts.Linear(4, 8),
        parts.BatchNorm1d(8),
        parts.ReLU(),
        parts.Dropout(0.5),
        parts.Linear(8, 3),
        parts.Softmax(-1),
    )


def answer(model: Any, rows: Any = ROWS) -> Any:
    """Predict without gradients, and without dropout."""
    with torch.inference_mode():
        return model.eval()(torch.as_tensor(rows)).numpy()


def test_layers_need_no_unpickling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of PyTorch's own layers is read with unpickling forbidden, ready to predict, on the named device."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    model = layers()
    saved = ekiben.pytorch.save_model("net", model)
    loaded = ekiben.pytorch.load_model("net", "cpu")
    assert (saved.info.format, saved.info.needs_unpickling) == ("safetensors", False)
    assert {file.name for file in saved.path.iterdir()} >= {STATE, STRUCTURE}
    assert type(loaded) is torch.nn.Sequential
    assert not loaded.training
    assert np.array_equal(answer(loaded), answer(model))
    assert all(isinstance(weight, torch.nn.Parameter) and weight.requires_grad for weight in loaded.parameters())


@pytest.mark.parametrize("name", ["LSTM", "Transformer", "Conv2d", "Embedding", "MultiheadAttention"])
def test_kinds_of_layers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers with states of their own kind come back with the same numbers, without unpickling."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    arguments = {"LSTM": (3, 4), "Transformer": (8, 2, 1, 1, 16), "Conv2d": (1, 2, 3), "Embedding": (5, 2)}
    made = getattr(torch.nn, name)(
        *arguments.get(name, (8, 2)), **({"batch_first": True} if name == "Transformer" else {})
    )
    ekiben.pytorch.save_model("layer", made)
    found = ekiben.pytorch.load_model("layer").state_dict()
    assert {key: value.tolist() for key, value in found.items()} == {
        key: value.tolist() for key, value in made.state_dict().items()
    }


def test_saving_changes_nothing() -> None:
    """A model in training stays so, with its statistics, gradients and frozen weights, though a sample was tried."""
    model = layers().train()
    model[1].eval()
    model[0].weight.requires_grad_(False)
    model(torch.as_tensor(ROWS)).sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ekiben.pytorch.save_model("net", model, sample=torch.as_tensor(ROWS[:2]))
    assert (model.training, model[1].training, model[3].training) == (True, False, True)
    assert model[4].weight.grad is not None
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    loaded = ekiben.pytorch.load_model("net")
    assert [weight.requires_grad for weight in loaded.parameters()][:2] == [False, True]
    assert loaded[4].weight.grad is None


def test_tied_weights_stay_tied() -> None:
    """Two layers with one weight have one weight afterwards; views of one memory become two."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 4))
    model[1].weight = model[0].weight
    model[2].weight = torch.nn.Parameter(model[0].weight.detach().t())
    saved = ekiben.pytorch.save_model("tied", model)
    loaded = ekiben.pytorch.load_model("tied")
    assert loaded[1].weight is loaded[0].weight
    assert torch.equal(loaded[2].weight, model[2].weight)
    assert (saved.path / STATE).stat().st_size < 1000


def test_the_sample_shows_whether_calls_can_be_joined() -> None:
    """Rows that come back as rows are joined; one row proves nothing, and an answer of several parts is not."""
    many = ekiben.pytorch.save_model("many", layers(), sample=ROWS[:2])
    assert many.info.signatures["__call__"].batchable
    assert many.info.sample == {
        "input": {"kind": "ndarray", "dtype": "float32", "shape": [-1, 4], "file": "sample.npy"},
        "outputs": {"__call__": {"kind": "ndarray", "dtype": "float32", "shape": [-1, 3]}},
    }
    assert not ekiben.pytorch.save_model("one", layers(), sample=ROWS[:1]).info.signatures["__call__"].batchable
    assert not ekiben.pytorch.save_model("none", layers()).info.signatures["__call__"].batchable
    parts = ekiben.pytorch.save_model("parts", torch.nn.LSTM(4, 2), sample=ROWS[:2])
    assert not parts.info.signatures["__call__"].batchable
    with pytest.raises(InvalidInput, match="`sample` must be an input of the model's `__call__`"):
        ekiben.pytorch.save_model("wrong", layers(), sample=np.ones((2, 5)))
    assert [model.tag.name for model in ekiben.models.list()].count("wrong") == 0


def test_samples_of_other_types() -> None:
    """A sample may need gradients, be of float64, bfloat16 or a list: it meets the dtype of the weights."""
    for sample in (
        torch.ones(2, 4, requires_grad=True),
        np.ones((2, 4)),
        torch.ones(2, 4).bfloat16(),
        [[1, 2, 3, 4.5]] * 2,
    ):
        saved = ekiben.pytorch.save_model("net", layers(), sample=sample)
        assert (saved.info.sample or {})["outputs"]["__call__"]["dtype"] == "float32"


def test_a_state_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors by name are a model too, which a module takes; a module takes those of a stored module as well."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    model = layers()
    saved = ekiben.models.save("state", model.state_dict())
    assert (saved.info.module, saved.info.signatures, saved.info.needs_unpickling) == ("ekiben.pytorch", {}, False)
    assert ekiben.pytorch.load_model("state").keys() == model.state_dict().keys()
    assert np.array_equal(answer(ekiben.pytorch.load_model("state", model=layers())), answer(model))
    with pytest.raises(ConfigError, match="`model` must have the names and shapes of state"):
        ekiben.pytorch.load_model("state", model=torch.nn.Linear(4, 3))
    with pytest.raises(ConfigError, match=r"`model` must be a torch.nn.Module.*: builtins.int"):
        ekiben.pytorch.load_model("state", model=3)
    with pytest.raises(ConfigError, match="`sparse` is no dense tensor"):
        ekiben.pytorch.save_model("odd", {"sparse": torch.eye(2).to_sparse()})


TRAIN = """
import sys, torch
import ekiben.models, ekiben.pytorch

class Net(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inner = torch.nn.Linear(4, width)
        self.scale = torch.full((1,), 2.0)  # no buffer: travels with the structure

    def forward(self, rows):
        return self.inner(rows) * self.scale

    def double(self, rows):
        return {"twice": self(rows) * 2, "rows": len(rows)}

torch.manual_seed(1)
model = Net(3)
ekiben.pytorch.save_model("net", model, signatures=["__call__", "double"], custom_objects={"names": ["a", "b", "c"]})
ekiben.models.export_model("net", sys.argv[1])
print(model(torch.ones(2, 4)).tolist())
"""
USE = """
import sys, torch
import ekiben.models
stored = ekiben.models.import_model(sys.argv[1])
model = stored.load_model(device_id="cpu")
print(model(torch.ones(2, 4)).tolist())
assert stored.custom_objects["names"] == ["a", "b", "c"] and not model.training
"""


def test_without_the_training_code(python, tmp_path: Path) -> None:
    """A class of the training script works where that script is not; it is marked, and can be forbidden."""
    archive = str(tmp_path / "net.bentomodel")
    trained = python(TRAIN, archive)
    used = python(USE, archive, EKIBEN_HOME=str(tmp_path / "other"))
    assert used.stdout == trained.stdout
    stored = ekiben.models.get("net")
    assert stored.info.needs_unpickling
    refused = python(USE, archive, check=False, EKIBEN_FORBID_UNPICKLING="1", EKIBEN_HOME=str(tmp_path / "third"))
    assert f"{stored.tag} must be unpickled, which EKIBEN_FORBID_UNPICKLING forbids" in refused.stderr


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("name", [STRUCTURE, WHOLE])
def test_a_forged_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `model.yaml` says counts for nothing: a file that calls functions is refused where unpickling is."""
    source = ekiben.pytorch.save_model("net", layers())
    with ekiben.models.create("evil", module="ekiben.pytorch", needs_unpickling=False) as model:
        (model.path / STATE).write_bytes((source.path / STATE).read_bytes())
        torch.save(Evil(tmp_path / "owned"), model.path / name)
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="must be unpickled"):
        ekiben.pytorch.load_model("evil")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, f"must hold {STATE} or {WHOLE}, and holds neither", id="no file"),
        pytest.param({STATE: b"x"}, "cannot be read by safetensors", id="a cut file"),
        pytest.param({WHOLE: b"x"}, "cannot be unpickled", id="no file of PyTorch's"),
    ],
)
def test_damaged_models(files: dict[str, bytes], message: str) -> None:
    """A damaged model is one clear error that names it."""
    with ekiben.models.create("hurt", module="ekiben.pytorch") as model:
        for name, content in files.items():
            (model.path / name).write_bytes(content)
    with pytest.raises(StoreError, match=message):
        ekiben.pytorch.load_model("hurt")


def test_numbers_of_another_structure() -> None:
    """Numbers that do not fit the structure are a damaged model."""
    one, two = ekiben.pytorch.save_model("one", layers()), ekiben.pytorch.save_model("two", torch.nn.Linear(2, 2))
    with ekiben.models.create("mixed", module="ekiben.pytorch") as model:
        (model.path / STATE).write_bytes((one.path / STATE).read_bytes())
        (model.path / STRUCTURE).write_bytes((two.path / STRUCTURE).read_bytes())
    with pytest.raises(StoreError, match=f"{model.tag} is damaged"):
        ekiben.pytorch.load_model("mixed")


def test_what_cannot_be_parted_is_kept_whole() -> None:
    """A module that holds a computed tensor cannot be copied; it is pickled whole, and marked."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 3))
    model.computed = model[0].weight * 2
    model.computed.retain_grad()
    saved = ekiben.pytorch.save_model("whole", model)
    assert saved.info.format == "torch"
    assert not (saved.path / STATE).exists()
    assert np.array_equal(answer(ekiben.pytorch.load_model("whole")), answer(model))


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors go to the named device; one that is not here is named, with those that could be."""
    saved = ekiben.pytorch.save_model("net", layers())
    assert {weight.device.type for weight in saved.load_model(device_id="meta").parameters()} == {"meta"}
    for name in ("cuda:99", "gpu", 1.5):
        with pytest.raises(ConfigError, match="`device_id` must be a device that PyTorch has here") as caught:
            ekiben.pytorch.load_model("net", name)
        assert "cuda:0" in (caught.value.hint or "")


def test_wrong_objects() -> None:
    """What is no module names the framework that takes it; so does a model of another framework."""
    with pytest.raises(ConfigError, match=r"`model` must be an object of torch: it is a builtins.dict"):
        ekiben.pytorch.save_model("none", {"a": 1})
    with pytest.raises(ConfigError, match="`signatures` must name methods of the model") as caught:
        ekiben.pytorch.save_model("net", layers(), signatures=["forwards"])
    assert "forward" in (caught.value.hint or "")
    ekiben.picklable_model.save_model("other", len)
    with pytest.raises(NotFound, match="was saved with picklable_model"):
        ekiben.pytorch.load_model("other")
