"""Pack pipelines of EvalML."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["EvalMLModelArtifact"]


class EvalMLModelArtifact(ModelArtifact):
    """A pipeline, as EvalML writes it, which is a pickle."""

    kind, library, packages, ending = "EvalMLModelArtifact", "evalml.pipelines", ("evalml",), ".pkl"

    def check(self, model: Any) -> Any:
        """Take a pipeline, and nothing else."""
        if not isinstance(model, self.need().PipelineBase):
            raise self.wrong("a pipeline of EvalML", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        model.save(str(place))

    def read(self, place: Path) -> Any:
        """Read it; raises StoreError."""
        library = self.need()
        with self.running():
            return library.PipelineBase.load(str(place))
