"""Pack models in the ONNX format."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import Environment, ModelArtifact, one_line
from bentoml.refusals import OWN_ARTIFACT, Refused
from ekiben.core.errors import ConfigError, InvalidInput, StoreError

__all__ = ["OnnxModelArtifact"]

BACKENDS = {"onnxruntime": "onnxruntime", "onnxruntime-gpu": "onnxruntime-gpu"}


class OnnxModelArtifact(ModelArtifact):
    """A model as a file; what the service gets is a session of ONNX Runtime.

    Args:
        name: how the service names it.
        backend: `onnxruntime` or `onnxruntime-gpu`: the package that the bundle asks for.
        onnxruntime_providers: of the session; None leaves them to ONNX Runtime's CPU provider.
    """

    kind, library, ending = "OnnxModelArtifact", "onnxruntime", ".onnx"

    def __init__(
        self, name: str, backend: str = "onnxruntime", onnxruntime_providers: Sequence[Any] | None = None
    ) -> None:
        super().__init__(name)
        if backend not in BACKENDS:
            raise ConfigError(f"`backend` must be one of {', '.join(BACKENDS)}: {backend!r}")
        self.backend, self._providers = backend, list(onnxruntime_providers or ["CPUExecutionProvider"])
        self._session: Any = None

    def pack(self, path_or_model_proto: Any, metadata: Mapping[str, Any] | None = None) -> Self:
        """Take a `ModelProto` of the library onnx, or the path of an `.onnx` file.

        Raises:
            InvalidInput: it is neither.
        """
        self._session = None
        return super().pack(path_or_model_proto, metadata)

    def check(self, model: Any) -> Any:
        """Take a file that is there, or a proto."""
        if isinstance(model, str | Path):
            if not Path(model).is_file():
                raise InvalidInput(f"the artifact `{self.name}` must be packed with a file that is there: {model!r}")
            return Path(model)
        if not hasattr(model, "SerializeToString"):
            raise self.wrong("an `onnx.ModelProto` or the path of a file", model)
        return model

    def get(self) -> Any:
        """Give the session.

        Raises:
            StoreError: ONNX Runtime cannot make one of the file.
        """
        if self._session is None and self._model is not None:
            told = self._model
            held = str(told) if isinstance(told, Path) else told.SerializeToString()
            library = self.need()
            try:
                self._session = library.InferenceSession(held, providers=self._providers)
            except Exception as error:
                raise StoreError(f"{self.title} cannot be read: {one_line(error)}") from error
        return self._session

    def write(self, model: Any, place: Path) -> None:
        """Write the file."""
        if isinstance(model, Path):
            shutil.copyfile(model, place)
        else:
            place.write_bytes(model.SerializeToString())

    def read(self, place: Path) -> Path:
        """Give the file, which the session reads."""
        return place

    def set_dependencies(self, env: Environment) -> None:
        """Ask for the chosen package."""
        if env.infer_pip_packages:
            env.add_pip_packages([BACKENDS[self.backend]])


OnnxMlirModelArtifact = Refused(
    "frameworks.onnxmlir.OnnxMlirModelArtifact",
    "the runtime of onnx-mlir comes with the compiler, and no package of it can be installed",
    OWN_ARTIFACT,
)
