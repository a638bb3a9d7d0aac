"""Pack models of CatBoost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact
from ekiben.core.errors import ConfigError

__all__ = ["CatBoostModelArtifact"]

CLASSES = {"classifier": "CatBoostClassifier", "regressor": "CatBoostRegressor"}


class CatBoostModelArtifact(ModelArtifact):
    """A model, in CatBoost's own binary form.

    Args:
        name: how the service names it.
        model_type: `classifier`, `regressor`, or any other word for `catboost.CatBoost`.
        model_export_parameters: of CatBoost's `save_model`.
        model_pool: of the same.
    """

    kind, library, packages, ending = "CatBoostModelArtifact", "catboost", ("catboost",), ".cbm"

    def __init__(
        self,
        name: str,
        model_type: str = "classifier",
        model_export_parameters: Mapping[str, Any] | None = None,
        model_pool: Any = None,
    ) -> None:
        super().__init__(name)
        if not isinstance(model_type, str):
            raise ConfigError(f"`model_type` must be text: {model_type!r}", hint="write 'classifier' or 'regressor'")
        self.model_type, self._export, self._pool = model_type, model_export_parameters, model_pool

    def check(self, model: Any) -> Any:
        """Take a model of CatBoost, and nothing else."""
        if not isinstance(model, self.need().CatBoost):
            raise self.wrong("a model of CatBoost", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        model.save_model(str(place), export_parameters=self._export, pool=self._pool)

    def read(self, place: Path) -> Any:
        """Read it."""
        model = getattr(self.need(), CLASSES.get(self.model_type, "CatBoost"))()
        return model.load_model(str(place))
