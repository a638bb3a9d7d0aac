"""What the real BentoML saved with PyTorch and Transformers is loaded as it is, and served without code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.models
from ekiben.core.errors import StoreError
from ekiben.services.load import load
from tests.store import bentoml

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.torch,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("default"),
]

LIBRARIES = ("torch", "transformers<5")  # with newer ones BentoML does not import
SAVE = """
import json, sys
import bentoml, torch, transformers

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(4, 3)

    def forward(self, rows):
        return self.inner(rows) * 2

torch.manual_seed(1)
rows = torch.ones(2, 4)
told = {}
def keep(name, module, model, expected):
    saved = getattr(bentoml, module).save_model(name, model, signatures={"__call__": {"batchable": True}})
    bentoml.models.export_model(saved.tag, f"{sys.argv[1]}/{name}.bentomodel")
    told[name] = [str(saved.tag), expected]
net, layers = Net(), torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
keep("net", "pytorch", net, net(rows).tolist())
keep("layers", "pytorch", layers, layers(rows).tolist())
script = torch.jit.script(layers)
keep("script", "torchscript", script, script(rows).tolist())
open("vocab.txt", "w").write("\\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "lunch"]))
config = transformers.BertConfig(
    vocab_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, num_labels=2
)
bert = transformers.BertForSequenceClassification(config).eval()
pipeline = transformers.pipeline(
    "text-classification", model=bert, tokenizer=transformers.BertTokenizer("vocab.txt"), device="cpu"
)
keep("texts", "transformers", pipeline, pipeline(["good lunch", "bad"]))
keep("bert", "transformers", bert, bert(torch.tensor([[2, 5, 3]])).logits.tolist())
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Give a folder with a home and archives that BentoML wrote, and by model its tag and what it answers."""
    folder = tmp_path_factory.mktemp("bentoml")
    printed = bentoml.run(SAVE, folder / "home", folder, libraries=LIBRARIES)
    return folder, json.loads(printed.splitlines()[-1])


@pytest.mark.parametrize("name", ["net", "layers", "script"])
def test_modules(name: str, theirs: tuple[Path, dict[str, Any]]) -> None:
    """A module answers as it did there: in their home, and from their archive."""
    folder, told = theirs
    tag, expected = told[name]
    with ekiben.models.use_home(folder / "home"):
        assert np.allclose(load(f"model:{tag}").create({}).predict(np.ones((2, 4), "f4")), expected, atol=1e-6)
    assert str(ekiben.models.import_model(folder / f"{name}.bentomodel").tag) == tag
    assert np.allclose(load(f"model:{tag}").create({}).predict(np.ones((2, 4), "f4")), expected, atol=1e-6)


def test_unpickling_is_up_to_the_file(theirs: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Their pickle of PyTorch's own layers needs no consent; that of a class does."""
    folder, _ = theirs
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with ekiben.models.use_home(folder / "home"):
        assert ekiben.models.get("layers").load_model() is not None
        with pytest.raises(StoreError, match="must be unpickled"):
            ekiben.models.get("net").load_model()


def test_objects_of_transformers(theirs: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline and a model answer as they did there; the classes that BentoML pickles are not unpickled."""
    folder, told = theirs
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with ekiben.models.use_home(folder / "home"):
        texts = ekiben.models.get("texts").load_model()(["good lunch", "bad"])
        logits = load(f"model:{told['bert'][0]}").create({}).predict({"input_ids": [[2, 5, 3]]})["logits"]
    assert [row["label"] for row in texts] == [row["label"] for row in told["texts"][1]]
    assert np.allclose([row["score"] for row in texts], [row["score"] for row in told["texts"][1]], atol=1e-5)
    assert np.allclose(logits, told["bert"][1], atol=1e-5)
