"""Pack estimators and pipelines of scikit-learn."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact
from bentoml.bundles.plain import check_ending

__all__ = ["SklearnModelArtifact"]


class SklearnModelArtifact(ModelArtifact):
    """An estimator, as a file of joblib, which is a pickle.

    Args:
        name: how the service names it.
        pickle_extension: the ending of its file.
    """

    kind, library, packages = "SklearnModelArtifact", "sklearn", ("scikit-learn",)

    def __init__(self, name: str, pickle_extension: str = ".pkl") -> None:
        super().__init__(name)
        self.ending = check_ending(pickle_extension, "pickle_extension")

    def write(self, model: Any, place: Path) -> None:
        """Write it by joblib."""
        self.need("joblib").dump(model, place)

    def read(self, place: Path) -> Any:
        """Read it by joblib; raises StoreError."""
        self.need()
        joblib = self.need("joblib")
        with self.running():
            return joblib.load(place)
