"""Pipelines and pretrained objects of Transformers travel as safetensors and JSON, and nothing is fetched."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.models
import ekiben.transformers
from ekiben.core.errors import ConfigError, StoreError
from tests.libraries import later
from tests.servers import serving

torch: Any = later("torch")
transformers: Any = later("transformers")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "lunch", "train"]
TEXTS = ["good lunch", "bad train", "lunch"]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def tokenizer(folder: Path) -> Any:
    """Make a tokenizer of nine words."""
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return transformers.BertTokenizer(str(folder / "vocab.txt"))


def bert() -> Any:
    """Make a tiny model that tells two kinds of text apart, untrained."""
    torch.manual_seed(4)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=2,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config).eval()


def classifier(folder: Path, **options: Any) -> Any:
    """Make a pipeline of both."""
    return transformers.pipeline(
        "text-classification", model=bert(), tokenizer=tokenizer(folder), device="cpu", **options
    )


def test_a_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline with an option of its own answers as before, unpickles nothing, and is served, joined and alone."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    model = classifier(tmp_path, top_k=None)
    saved = ekiben.models.save("texts", model, sample=TEXTS)
    assert (saved.info.module, saved.info.format, saved.info.needs_unpickling) == (
        "ekiben.transformers",
        "pretrained",
        False,
    )
    assert saved.info.signatures["__call__"].batchable
    loaded = ekiben.transformers.load_model("texts", "cpu")
    assert type(loaded) is type(model)
    assert loaded(TEXTS) == model(TEXTS)
    assert len(loaded(TEXTS)[0]) == 2
    assert loaded.task == "text-classification"
    with serving("texts:latest") as server:
        answer = server.http.post("/predict", json=TEXTS)
        assert answer.status_code == 200, answer.text
        assert [[row["label"] for row in rows] for rows in answer.json()] == [
            [r["label"] for r in rows] for rows in model(TEXTS)
        ]
        assert server.http.post("/predict", json="lunch").status_code == 400


@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_a_model(dtype: str | None) -> None:
    """A model alone comes back as its own class, on the named device, of the asked dtype."""
    model = bert()
    saved = ekiben.transformers.save_model(
        "bert", model, sample={"input_ids": [[2, 5, 3]], "attention_mask": [[1, 1, 1]]}
    )
    loaded = ekiben.transformers.load_model("bert", "cpu", dtype=dtype)
    assert type(loaded) is type(model)
    assert not loaded.training
    assert {weight.dtype for weight in loaded.parameters()} == {getattr(torch, dtype or "float32")}
    if dtype is None:
        ids = torch.tensor([[2, 5, 7, 3]])
        assert torch.equal(loaded(ids).logits, model(ids).logits)
    assert {weight.device.type for weight in saved.load_model(device_id="meta").parameters()} == {"meta"}


def test_a_model_over_http() -> None:
    """Arguments by name go in as lists, an answer with names comes out as a record."""
    model = bert()
    value = {"input_ids": [[2, 5, 3]], "attention_mask": [[1, 1, 1]]}
    ekiben.transformers.save_model("bert", model, sample=value)
    with serving("bert:latest") as server:
        answer = server.http.post("/predict", json=value)
        assert answer.status_code == 200, answer.text
        expected = model(torch.tensor(value["input_ids"])).logits.tolist()
        assert np.allclose(answer.json()["logits"], expected, atol=1e-5)
        assert server.http.post("/predict", json={**value, "input_ids": [[999, 1, 2]]}).status_code == 400


def test_a_model_that_generates() -> None:
    """A causal model serves `generate`."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=9, n_positions=16, n_embd=8, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=8
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    model.generation_config.max_new_tokens = 3
    model.generation_config.pad_token_id = 0
    saved = ekiben.transformers.save_model("gpt", model, sample=np.array([[1, 2, 3]]))
    assert list(saved.info.signatures) == ["generate"]
    again = ekiben.transformers.load_model("gpt")
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(again.generate(ids, do_sample=False), model.generate(ids, do_sample=False))


def test_a_tokenizer(tmp_path: Path) -> None:
    """A tokenizer alone is stored too, and serves nothing by itself."""
    saved = ekiben.transformers.save_model("words", tokenizer(tmp_path))
    assert saved.info.signatures == {}
    assert ekiben.transformers.load_model("words")("good lunch")["input_ids"] == [2, 5, 7, 3]


TRAIN = """
import sys, json, warnings
warnings.simplefilter("ignore")
import torch, transformers
import ekiben.models, ekiben.transformers

class Two(transformers.BertForSequenceClassification):
    def forward(self, *args, **kwargs):
        answer = super().forward(*args, **kwargs)
        answer.logits = answer.logits * 2
        return answer

torch.manual_seed(0)
config = transformers.BertConfig(
    vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
)
model = Two(config).eval()
ekiben.transformers.save_model("two", model)
ekiben.models.export_model("two", sys.argv[1])
print(json.dumps(model(torch.tensor([[2, 3]])).logits.tolist()))
"""
USE = """
import sys, json, warnings
warnings.simplefilter("ignore")
import torch, ekiben.models
model = ekiben.models.import_model(sys.argv[1]).load_model()
print(json.dumps(model(torch.tensor([[2, 3]])).logits.tolist()))
"""


def test_a_class_of_the_users(python, tmp_path: Path) -> None:
    """A class of the training script travels by value, marked as one to be unpickled, and can be forbidden."""
    archive = str(tmp_path / "two.bentomodel")
    trained = python(TRAIN, archive)
    used = python(USE, archive, EKIBEN_HOME=str(tmp_path / "other"))
    before, after = (json.loads(run.stdout.splitlines()[-1]) for run in (trained, used))
    assert np.allclose(before, after, atol=1e-6)
    assert ekiben.models.get("two").info.needs_unpickling
    refused = python(USE, archive, check=False, EKIBEN_HOME=str(tmp_path / "third"), EKIBEN_FORBID_UNPICKLING="1")
    assert "must be unpickled, which EKIBEN_FORBID_UNPICKLING forbids" in refused.stderr


def test_a_folder_is_imported(tmp_path: Path) -> None:
    """A folder that `save_pretrained` wrote becomes a pipeline or a model; what is not there says so."""
    model = classifier(tmp_path)
    model.save_pretrained(tmp_path / "folder")
    ekiben.transformers.import_model("texts", tmp_path / "folder", task="text-classification")
    assert ekiben.transformers.load_model("texts")(TEXTS) == model(TEXTS)
    ekiben.transformers.import_model("alone", tmp_path / "folder", model_class="AutoModelForSequenceClassification")
    assert type(ekiben.transformers.load_model("alone")) is transformers.BertForSequenceClassification
    with pytest.raises(ConfigError, match="`source` must be a folder or a name that the hub knows"):
        ekiben.transformers.import_model("none", "nobody/none")
    with pytest.raises(ConfigError, match="`model_class` must be a class of Transformers"):
        ekiben.transformers.import_model("none", tmp_path / "folder", model_class="pipeline")


@pytest.mark.parametrize("name", ["pipeline", "os", "AutoModel", 3, None])
def test_a_forged_class(name: Any) -> None:
    """A name in model.yaml leads to classes that can be stored, and to nothing else."""
    with ekiben.models.create("evil", module="ekiben.transformers", options={"class": name}) as model:
        (model.path / "config.json").write_text("{}")
    with pytest.raises(StoreError, match="needs a class that this version of Transformers does not have"):
        ekiben.transformers.load_model("evil")


def test_pickled_weights_are_not_read() -> None:
    """Weights that are no safetensors are left alone, though Transformers could read them."""
    saved = ekiben.transformers.save_model("bert", bert())
    with ekiben.models.create("old", module="ekiben.transformers", options=saved.info.options) as model:
        (model.path / "config.json").write_bytes((saved.path / "config.json").read_bytes())
        torch.save(bert().state_dict(), model.path / "pytorch_model.bin")
    with pytest.raises(StoreError, match="cannot be read by Transformers"):
        ekiben.transformers.load_model("old")


def test_wrong_arguments() -> None:
    """Wrong objects, dtypes and damaged weights are one clear error."""
    with pytest.raises(ConfigError, match="`model` must be an object of transformers"):
        ekiben.transformers.save_model("none", torch.nn.Linear(1, 1))
    saved = ekiben.transformers.save_model("bert", bert())
    with pytest.raises(ConfigError, match="`dtype` must be one of PyTorch's"):
        saved.load_model(dtype="nn")
    with ekiben.models.create("cut", module="ekiben.transformers", options=saved.info.options) as model:
        (model.path / "config.json").write_bytes((saved.path / "config.json").read_bytes())
        (model.path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(StoreError, match="cannot be read by"):
        ekiben.transformers.load_model("cut")
