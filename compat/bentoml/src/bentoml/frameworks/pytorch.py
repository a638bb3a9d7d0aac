"""Pack modules of PyTorch and of Lightning."""

import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact
from bentoml.bundles.plain import check_ending
from ekiben.core.errors import InvalidInput
from ekiben.store.pickles import check_unpickling, unpickling

__all__ = ["PytorchLightningModelArtifact", "PytorchModelArtifact"]


class PytorchModelArtifact(ModelArtifact):
    """A module, whole, by PyTorch and cloudpickle; a scripted one as TorchScript.

    Args:
        name: how the service names it.
        file_extension: the ending of its file.
    """

    kind, library = "PytorchModelArtifact", "torch"
    packages: tuple[str, ...] = ("torch",)

    def __init__(self, name: str, file_extension: str = ".pt") -> None:
        super().__init__(name)
        self.ending = check_ending(file_extension, "file_extension")
        self._source: Path | None = None

    def pack(self, model: Any, metadata: Mapping[str, Any] | None = None) -> Self:
        """Take a module, or the path of a file that `save` of PyTorch wrote.

        Raises:
            InvalidInput: it is neither.
        """
        self._source = None
        if isinstance(model, str | Path):
            self._source = Path(model)
            if not self._source.is_file():
                raise InvalidInput(f"the artifact `{self.name}` must be packed with a file that is there: {model!r}")
            model = self.read(self._source)
        return super().pack(model, metadata)

    def check(self, model: Any) -> Any:
        """Take a module, and nothing else."""
        if not isinstance(model, self.need().nn.Module):
            raise self.wrong("a `torch.nn.Module`", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it."""
        torch = self.need()
        if self._source is not None:
            shutil.copyfile(self._source, place)
        elif isinstance(model, torch.jit.ScriptModule):
            torch.jit.save(model, str(place))
        else:
            torch.save(model, place, pickle_module=self.need("cloudpickle"))

    def read(self, place: Path) -> Any:
        """Read it onto the CPU; raises StoreError."""
        torch = self.need()
        if is_script(place):
            return torch.jit.load(str(place), map_location="cpu")
        check_unpickling(f"the artifact `{self.name}`")
        with unpickling(f"the artifact `{self.name}`"):
            return torch.load(place, map_location="cpu", weights_only=False)


class PytorchLightningModelArtifact(PytorchModelArtifact):
    """A module of Lightning, as TorchScript, which needs none of its code."""

    kind = "PytorchLightningModelArtifact"
    packages = ("torch", "pytorch-lightning")

    def write(self, model: Any, place: Path) -> None:
        """Write it as TorchScript."""
        torch = self.need()
        if self._source is None and not isinstance(model, torch.jit.ScriptModule):
            if not hasattr(model, "to_torchscript"):
                raise self.wrong("a `LightningModule`", model)
            model = model.to_torchscript()
        super().write(model, place)


def is_script(place: Path) -> bool:
    """Say whether a file of PyTorch is TorchScript: it holds code."""
    if not zipfile.is_zipfile(place):
        return False
    with zipfile.ZipFile(place) as archive:
        return any("/code/" in name for name in archive.namelist())
