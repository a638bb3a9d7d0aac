"""Pack layers of PaddlePaddle."""

from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact

__all__ = ["PaddlePaddleModelArtifact"]


class PaddlePaddleModelArtifact(ModelArtifact):
    """A layer, as `paddle.jit` writes it; what the service gets is a layer again."""

    kind, library, packages = "PaddlePaddleModelArtifact", "paddle", ("paddlepaddle",)

    def check(self, model: Any) -> Any:
        """Take a layer, and nothing else."""
        if not isinstance(model, self.need().nn.Layer):
            raise self.wrong("a `paddle.nn.Layer`", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it into a folder of its own."""
        place.mkdir()
        self.need().jit.save(model, str(place / "model"))

    def read(self, place: Path) -> Any:
        """Read it."""
        return self.need().jit.load(str(place / "model"))
