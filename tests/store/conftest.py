"""A store in an empty folder, and models to put into it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ekiben.store.models import ModelStore, StoredModel

Save = Callable[..., StoredModel]


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
