"""Pack pipelines of spaCy."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["SpacyModelArtifact"]


class SpacyModelArtifact(ModelArtifact):
    """A pipeline, as the folder that spaCy writes."""

    kind, library, packages = "SpacyModelArtifact", "spacy", ("spacy",)

    def check(self, model: Any) -> Any:
        """Take a pipeline, and nothing else."""
        if not isinstance(model, self.need().language.Language):
            raise self.wrong("a pipeline of spaCy", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        model.to_disk(place)

    def read(self, place: Path) -> Any:
        """Read it."""
        return self.need().load(place)
