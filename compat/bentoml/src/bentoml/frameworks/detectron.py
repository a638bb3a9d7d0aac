"""Pack models of Detectron2."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact
from ekiben.core.errors import InvalidInput

__all__ = ["DetectronModelArtifact"]

CONFIG, WEIGHTS = "config.yaml", "weights"


class DetectronModelArtifact(ModelArtifact):
    """A model: its weights, and the configuration that it is built from."""

    kind, library, packages = "DetectronModelArtifact", "detectron2", ("torch", "detectron2")

    def pack(self, model: Any, metadata: Mapping[str, Any] | None = None, input_model_yaml: str | None = None) -> Self:
        """Take a model and the file of its configuration.

        Args:
            model: a `torch.nn.Module` that Detectron2 built.
            metadata: a mapping that is kept beside it.
            input_model_yaml: the path of the configuration.

        Raises:
            InvalidInput: there is no such file, or it is no module.
        """
        if input_model_yaml is None or not Path(input_model_yaml).is_file():
            raise InvalidInput(f"`input_model_yaml` must be the file of a configuration: {input_model_yaml!r}")
        self._config = Path(input_model_yaml)
        return super().pack(model, metadata)

    def check(self, model: Any) -> Any:
        """Take a module, and nothing else."""
        if not isinstance(model, self.need("torch").nn.Module):
            raise self.wrong("a `torch.nn.Module`", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write weights and configuration into one folder."""
        place.mkdir()
        self.need("detectron2.checkpoint").DetectionCheckpointer(model, save_dir=str(place)).save(WEIGHTS)
        shutil.copyfile(self._config, place / CONFIG)

    def read(self, place: Path) -> Any:
        """Build the model by its configuration, on the CPU, and load its weights."""
        config = self.need("detectron2.config").get_cfg()
        config.merge_from_file(str(place / CONFIG))
        config.MODEL.DEVICE = "cpu"
        model = self.need("detectron2.modeling").build_model(config)
        self.need("detectron2.checkpoint").DetectionCheckpointer(model).load(str(place / f"{WEIGHTS}.pth"))
        return model.eval()
