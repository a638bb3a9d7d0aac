"""Pack modules of PyTorch and of Lightning."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact
from bentoml.bundles.plain import check_ending
from ekiben.core.errors import InvalidInput
from ekiben.frameworks.pytorch_lightning import owns
from ekiben.frameworks.torch_script import PROGRAM, is_script, without_farewell

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
            with without_farewell():
                torch.jit.save(model, str(place))
        else:
            torch.save(model, place, pickle_module=self.need("cloudpickle"))

    def read(self, place: Path) -> Any:
        """Read it onto the CPU; raises StoreError."""
        torch = self.need()
        if is_script(place):
            with self.running(PROGRAM), without_farewell():
                return torch.jit.load(str(place), map_location="cpu")
        with self.running():
            return torch.load(place, map_location="cpu", weights_only=False)


class PytorchLightningModelArtifact(PytorchModelArtifact):
    """A module of Lightning, as TorchScript, which needs none of its code."""

    kind = "PytorchLightningModelArtifact"
    packages = ("torch", "pytorch-lightning")

    def check(self, model: Any) -> Any:
        """Take a module of Lightning, or one of TorchScript."""
        if not isinstance(super().check(model), self.need().jit.ScriptModule) and not owns(model):
            raise self.wrong("a `LightningModule`", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Write it as TorchScript."""
        if self._source is None and not isinstance(model, self.need().jit.ScriptModule):
            with without_farewell():
                model = model.to_torchscript()
        super().write(model, place)
