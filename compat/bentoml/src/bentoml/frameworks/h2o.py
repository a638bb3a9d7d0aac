"""Pack models of H2O."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["H2oModelArtifact"]


class H2oModelArtifact(ModelArtifact):
    """A model, as H2O writes it; loading it starts H2O, which needs Java."""

    kind, library, packages, ending = "H2oModelArtifact", "h2o", ("h2o",), ".h2o"

    def write(self, model: Any, place: Path) -> None:
        """Write it into a folder of its own, under one name."""
        place.mkdir()
        Path(self.need().save_model(model=model, path=str(place), force=True)).rename(place / "model")

    def read(self, place: Path) -> Any:
        """Start H2O where it does not run, and read it."""
        h2o = self.need()
        h2o.init()
        return h2o.load_model(str(place / "model"))
