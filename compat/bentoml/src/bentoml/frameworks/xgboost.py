"""Pack boosters of XGBoost."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact
from ekiben.core.errors import InvalidInput

__all__ = ["XgboostModelArtifact"]


class XgboostModelArtifact(ModelArtifact):
    """A booster, in XGBoost's own binary form."""

    kind, library, packages, ending = "XgboostModelArtifact", "xgboost", ("xgboost",), ".model"

    def check(self, model: Any) -> Any:
        """Take a booster, and nothing else."""
        if isinstance(model, self.need().Booster):
            return model
        error: InvalidInput = self.wrong("an `xgboost.Booster`", model)
        if hasattr(model, "get_booster"):
            raise InvalidInput(error.message, hint="pack `model.get_booster()`")
        raise error

    def write(self, model: Any, place: Path) -> None:
        """Write it as UBJSON, whatever the ending."""
        place.write_bytes(bytes(model.save_raw("ubj")))

    def read(self, place: Path) -> Any:
        """Read it."""
        booster = self.need().Booster()
        booster.load_model(bytearray(place.read_bytes()))
        return booster
