"""Pack models of Keras."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact, one_line
from bentoml.bundles.plain import check_ending
from ekiben.core.errors import InvalidInput, StoreError
from ekiben.frameworks.keras import import_keras, open_file, without_optimizer_warnings, without_progress_bar
from ekiben.store.pickles import FORBID_VARIABLE, dump_bytes, forbids, load_pickle

__all__ = ["KerasModelArtifact"]


class KerasModelArtifact(ModelArtifact):
    """A model as one file, or as JSON and weights; custom objects are a pickle.

    Args:
        name: how the service names it.
        default_custom_objects: classes and functions of one's own that the model needs, by name.
        model_extension: `.h5` or `.keras`.
        store_as_json_and_weights: two files in place of one.
    """

    kind, library, packages = "KerasModelArtifact", "keras", ("keras", "tensorflow")

    def __init__(
        self,
        name: str,
        default_custom_objects: Mapping[str, Any] | None = None,
        model_extension: str = ".h5",
        store_as_json_and_weights: bool = False,
    ) -> None:
        super().__init__(name)
        self.ending = check_ending(model_extension, "model_extension")
        self._custom = dict(default_custom_objects or {})
        self._is_apart = store_as_json_and_weights

    def pack(self, data: Any, metadata: Mapping[str, Any] | None = None) -> Self:
        """Take a model, the path of its file, or `{"model": …, "custom_objects": …}`.

        Raises:
            InvalidInput: there is no model in it.
        """
        model = data
        if isinstance(data, Mapping):
            model = data.get("model")
            self._custom = {**self._custom, **(data.get("custom_objects") or {})}
        if isinstance(model, str | Path):
            if not Path(model).is_file():
                raise InvalidInput(f"the artifact `{self.name}` must be packed with a file that is there: {model!r}")
            model = self._open(Path(model))
        keras = import_keras(self.title)
        if not isinstance(model, keras.Model):
            raise self.wrong("a model of Keras", model)
        return super().pack(model, metadata)

    def save(self, dst: str) -> None:
        """Write the files."""
        folder = Path(dst)
        if self._custom:
            self._objects(folder).write_bytes(dump_bytes(self._custom, (), f"custom_objects of {self.name}"))
        if self._is_apart:
            (folder / f"{self.name}.json").write_text(self._model.to_json(), "utf-8")
            self._model.save_weights(folder / f"{self.name}.weights.h5")
        else:
            self._model.save(self.file(folder))

    def load(self, path: str) -> Self:
        """Read the files; raises StoreError where they are missing."""
        folder = Path(path)
        if self._objects(folder).is_file():
            self._custom |= load_pickle(self._objects(folder), f"the custom objects of the artifact `{self.name}`")
        return super().load(path)

    def file(self, folder: str | Path) -> Path:
        """Give the place of what is read first."""
        return Path(folder, f"{self.name}{'.json' if self._is_apart else self.ending}")

    def read(self, place: Path) -> Any:
        """Read the model; raises StoreError."""
        if not self._is_apart:
            return self._open(place)
        keras = import_keras(self.title)
        with self._reading():
            described = json.loads(place.read_text("utf-8"))
            model = keras.saving.deserialize_keras_object(described, custom_objects=self._custom, safe_mode=forbids())
            model.load_weights(place.with_name(f"{self.name}.weights.h5"))
        return without_progress_bar(keras, model)

    def _open(self, place: Path) -> Any:
        keras = import_keras(self.title)
        with self._reading():
            made = open_file(keras, place, compile=True, custom_objects=self._custom, safe_mode=forbids())
        return without_progress_bar(keras, made)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say in our words why Keras cannot read it; a Lambda layer is code, as a pickle is."""
        try:
            with without_optimizer_warnings():
                yield
        except Exception as error:
            words = one_line(error)
            if forbids() and "lambda" in words.lower():
                raise StoreError(
                    f"{self.title} has a Lambda layer, whose code {FORBID_VARIABLE} forbids to run",
                    hint=f"unset {FORBID_VARIABLE} if you trust who made it",
                ) from error
            raise StoreError(
                f"{self.title} cannot be read: {words}",
                hint="classes and functions of your own are packed beside it, as `custom_objects`",
            ) from error

    def _objects(self, folder: Path) -> Path:
        return folder / f"{self.name}_custom_objects.pkl"
