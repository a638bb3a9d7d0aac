"""Pack boosters of LightGBM."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact
from ekiben.core.errors import InvalidInput

__all__ = ["LightGBMModelArtifact"]


class LightGBMModelArtifact(ModelArtifact):
    """A booster, in LightGBM's own text."""

    kind, library, packages, ending = "LightGBMModelArtifact", "lightgbm", ("lightgbm",), ".txt"

    def check(self, model: Any) -> Any:
        """Take a booster, and nothing else."""
        if isinstance(model, self.need().Booster):
            return model
        error: InvalidInput = self.wrong("a `lightgbm.Booster`", model)
        if hasattr(model, "booster_"):
            raise InvalidInput(error.message, hint="pack `model.booster_`")
        raise error

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        model.save_model(str(place))

    def read(self, place: Path) -> Any:
        """Read it."""
        return self.need().Booster(model_file=str(place))
