"""Pack modules and functions of TensorFlow."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact
from ekiben.core.errors import InvalidInput
from ekiben.frameworks import tensorflow
from ekiben.frameworks.tensorflow import FILE, PROGRAM

__all__ = ["TensorflowSavedModelArtifact"]


class TensorflowSavedModelArtifact(ModelArtifact):
    """A trackable object, or the folder of a SavedModel."""

    kind, library, packages = "TensorflowSavedModelArtifact", "tensorflow", ("tensorflow",)
    ending = "_saved_model"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._signatures: Any = None
        self._options: Any = None
        self._source: Path | None = None

    def pack(
        self, obj: Any, metadata: Mapping[str, Any] | None = None, signatures: Any = None, options: Any = None
    ) -> Self:
        """Take an object that TensorFlow can save, or the path of a SavedModel.

        Args:
            obj: it.
            metadata: a mapping that is kept beside it.
            signatures: of `tf.saved_model.save`.
            options: of the same.

        Raises:
            InvalidInput: it is neither.
        """
        super().pack(obj, metadata)
        self._signatures, self._options = signatures, options
        self._source = Path(obj) if isinstance(obj, str | Path) else None
        return self

    def check(self, model: Any) -> Any:
        """Take what TensorFlow tracks, or a folder that it wrote."""
        if isinstance(model, str | Path):
            if not (Path(model) / FILE).is_file():
                raise InvalidInput(f"{self.title} must be packed with the folder of a SavedModel: {str(model)!r}")
            return self.read(Path(model))
        self.need()
        if not tensorflow.owns(model):
            raise self.wrong("a `tf.Module`, another object that TensorFlow can save, or the folder of one", model)
        return model

    def load(self, path: str) -> Self:
        """Read it, and copy it as it is where it is saved again; raises as any artifact."""
        super().load(path)
        self._source = self.file(path)
        return self

    def write(self, model: Any, place: Path) -> None:
        """Write a SavedModel."""
        if self._source is not None:
            shutil.copytree(self._source, place)
            return
        self.need().saved_model.save(model, str(place), signatures=self._signatures, options=self._options)

    def read(self, place: Path) -> Any:
        """Read a SavedModel; raises StoreError."""
        library = self.need()
        with self.running(PROGRAM):
            return library.saved_model.load(str(place))
