"""Pack models of Core ML."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["CoreMLModelArtifact"]


class CoreMLModelArtifact(ModelArtifact):
    """A model, as coremltools writes it; it predicts on macOS alone."""

    kind, library, packages, ending = "CoreMLModelArtifact", "coremltools", ("coremltools",), ".mlmodel"

    def check(self, model: Any) -> Any:
        """Take a model of coremltools, and nothing else."""
        if not isinstance(model, self.need("coremltools.models").MLModel):
            raise self.wrong("an `MLModel`", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        model.save(str(place))

    def read(self, place: Path) -> Any:
        """Read it."""
        return self.need("coremltools.models").MLModel(str(place))
