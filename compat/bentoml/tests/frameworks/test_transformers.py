"""Models and tokenizers of Transformers travel together, and nothing is fetched."""

import json
from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.transformers import TransformersModelArtifact

from compat.bentoml.tests.frameworks.trips import alike, travel
from ekiben.exceptions import InvalidInput, StoreError
from tests.libraries import later

torch: Any = later("torch")
transformers: Any = later("transformers")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "lunch", "train"]
BODY = """(
            model["model"](**model["tokenizer"](rows, padding=True, return_tensors="pt")).logits.tolist()
        )"""
TEXTS = ["good lunch", "bad train", "lunch"]


def parts(folder: Path) -> dict[str, Any]:
    """Make a tiny model that tells two kinds of text apart, untrained, and its tokenizer."""
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(4)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=2,
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config).eval()
    return {"model": model, "tokenizer": transformers.BertTokenizer(str(folder / "vocab.txt"))}


def test_a_model_and_its_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come back as their own classes, without a pickle."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    trip = travel(tmp_path, TransformersModelArtifact, parts(tmp_path), TEXTS, body=BODY)
    assert {"transformers", "torch"} <= set(trip.requirements())
    held = trip.path / "Traveller" / "artifacts" / "model"
    assert json.loads((held / "classes.json").read_text())["model"] == "BertForSequenceClassification"
    assert [each.name for each in held.rglob("*.bin")] == []


def test_a_folder(tmp_path: Path) -> None:
    """The folder that `save_pretrained` wrote is packed by its path, with the head that the model was trained with."""
    made = parts(tmp_path)
    for part in made.values():
        part.save_pretrained(tmp_path / "pretrained")
    found = TransformersModelArtifact("model").pack(str(tmp_path / "pretrained")).get()
    asked = {
        name: each["tokenizer"](TEXTS, padding=True, return_tensors="pt") for name, each in (("a", made), ("b", found))
    }
    expected = made["model"](**asked["a"]).logits.tolist()
    assert alike(found["model"].eval()(**asked["b"]).logits.tolist(), expected)


def test_what_is_refused(tmp_path: Path) -> None:
    """Parts that are none, a name that is nowhere, and weights that would have to be unpickled."""
    found = parts(tmp_path)
    with pytest.raises(InvalidInput, match="`model` must be packed with a tokenizer of Transformers: str"):
        TransformersModelArtifact("model").pack({**found, "tokenizer": "bert"})
    with pytest.raises(InvalidInput, match="`model` must be packed with `model` and `tokenizer`, or a name") as caught:
        TransformersModelArtifact("model").pack(found["model"])
    assert len(caught.value.message) < 200
    assert "\n" not in caught.value.message
    with pytest.raises(InvalidInput, match="`model` must be packed with the name or the folder of a model"):
        TransformersModelArtifact("model").pack(str(tmp_path / "nowhere"))
    TransformersModelArtifact("model").pack(found).save(str(tmp_path))
    weights = tmp_path / "model" / "model"
    torch.save(found["model"].state_dict(), weights / "pytorch_model.bin")
    (weights / "model.safetensors").unlink()
    with pytest.raises(StoreError, match=r"the artifact `model` cannot be read: .+safetensors"):
        TransformersModelArtifact("model").load(str(tmp_path))
