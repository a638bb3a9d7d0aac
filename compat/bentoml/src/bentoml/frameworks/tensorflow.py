"""Pack modules and functions of TensorFlow."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["TensorflowSavedModelArtifact"]


class TensorflowSavedModelArtifact(ModelArtifact):
    """A trackable object, or the folder of a SavedModel."""

    kind, library, packages = "TensorflowSavedModelArtifact", "tensorflow", ("tensorflow",)
    ending = "_saved_model"

    def pack(
        self, obj: Any, metadata: Mapping[str, Any] | None = None, signatures: Any = None, options: Any = None
    ) -> Self:
        """Take an object that TensorFlow can save, or the path of a SavedModel.

        Args:
            obj: it.
            metadata: a mapping that is kept beside it.
            signatures: of `tf.saved_model.save`.
            options: of the same.
        """
        self._signatures, self._options = signatures, options
        super().pack(obj, metadata)
        self._source = Path(obj) if isinstance(obj, str | Path) else None
        if self._source is not None:
            self._model = self.read(self._source)
        return self

    def write(self, model: Any, place: Path) -> None:
        """Write a SavedModel."""
        if self._source is not None:
            shutil.copytree(self._source, place)
            return
        self.need().saved_model.save(model, str(place), signatures=self._signatures, options=self._options)

    def read(self, place: Path) -> Any:
        """Read a SavedModel."""
        return self.need().saved_model.load(str(place))
