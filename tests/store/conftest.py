"""Stores in an empty folder, and models and bentos to put into them."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.tag import Tag
from ekiben.store.bento_info import BentoInfo, CarriedModel
from ekiben.store.bentos import Bento, BentoStore
from ekiben.store.models import ModelStore, StoredModel

Save = Callable[..., StoredModel]
Build = Callable[..., Bento]


@pytest.fixture
def store(tmp_path: Path) -> ModelStore[StoredModel]:
    """Give an empty store of models."""
    return ModelStore(tmp_path / "home/models", StoredModel)


@pytest.fixture
def save(store: ModelStore[StoredModel]) -> Save:
    """Give a function that saves a model of the files given: `save("iris:v1", {"a/b.txt": b"..."}, labels=...)`."""

    def save(tag: str = "iris", files: dict[str, bytes] | None = None, **described: object) -> StoredModel:
        with store.create(tag, **described) as model:  # type: ignore[arg-type]
            for path, data in (files or {"weights.bin": b"\1\2\3"}).items():
                place = model.path / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
        return model

    return save


@pytest.fixture
def bentos(tmp_path: Path) -> BentoStore:
    """Give an empty store of bentos, beside that of models."""
    return BentoStore(tmp_path / "home/bentos")


@pytest.fixture
def build(bentos: BentoStore) -> Build:
    """Give a function that stores a bento of some files and models."""

    def build(tag: str = "iris:v1", *models: StoredModel, files: dict[str, str] | None = None, **told: Any) -> Bento:
        wanted = Tag.parse(tag)
        with bentos.create() as draft:
            for path, text in (files or {"src/service.py": "x = 1\n"}).items():
                (draft.path / path).parent.mkdir(parents=True, exist_ok=True)
                (draft.path / path).write_text(text)
            carried = tuple(CarriedModel(model.tag, model.digest) for model in models)
            created = told.pop("creation_time", datetime.datetime.now(datetime.UTC))
            return draft.finish(BentoInfo(wanted, created, "service:Iris", models=carried, **told))

    return build
