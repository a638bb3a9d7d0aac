"""Pack learners of fastai."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact
from bentoml.refusals import OWN_ARTIFACT, Refused
from ekiben.frameworks.fastai import quiet

__all__ = ["Fastai1ModelArtifact", "FastaiModelArtifact"]


class FastaiModelArtifact(ModelArtifact):
    """A learner, as fastai exports it, which is a pickle."""

    kind, library, packages, ending = "FastaiModelArtifact", "fastai.learner", ("fastai", "torch"), ".pkl"

    def check(self, model: Any) -> Any:
        """Take a learner, and nothing else."""
        if not isinstance(model, self.need().Learner):
            raise self.wrong("a `Learner` of fastai", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Export it."""
        model.export(place)

    def read(self, place: Path) -> Any:
        """Load it onto the CPU; raises StoreError."""
        library = self.need()
        with self.running(), quiet():
            return library.load_learner(place, cpu=True)


Fastai1ModelArtifact = Refused(
    "frameworks.fastai.Fastai1ModelArtifact", "fastai 1 cannot be installed for the Python of today", OWN_ARTIFACT
)
