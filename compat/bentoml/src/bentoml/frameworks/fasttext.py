"""Pack models of fastText."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["FasttextModelArtifact"]


class FasttextModelArtifact(ModelArtifact):
    """A model, in fastText's own binary form."""

    kind, library, packages, ending = "FasttextModelArtifact", "fasttext", ("fasttext",), ".bin"

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        model.save_model(str(place))

    def read(self, place: Path) -> Any:
        """Read it."""
        return self.need().load_model(str(place))
