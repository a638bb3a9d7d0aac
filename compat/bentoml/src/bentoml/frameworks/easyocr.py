"""Pack readers of EasyOCR."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bentoml.bundles.artifact import ModelArtifact
from ekiben.core.errors import ConfigError, InvalidInput, StoreError

__all__ = ["EasyOCRArtifact"]

SETTINGS = "reader.json"


class EasyOCRArtifact(ModelArtifact):
    """A reader: the files of its two networks, and how it was made."""

    kind, library, packages = "EasyOCRArtifact", "easyocr", ("easyocr",)

    def pack(
        self,
        model: Any,
        metadata: Mapping[str, Any] | None = None,
        recog_network: str = "english_g2",
        lang_list: Sequence[str] = ("en",),
        detect_model: str = "craft_mlt_25k",
        gpu: bool = False,
    ) -> Self:
        """Take a reader.

        Args:
            model: an `easyocr.Reader`.
            metadata: a mapping that is kept beside it.
            recog_network: the network that reads; its file is `NAME.pth` in the reader's folder.
            lang_list: languages, as EasyOCR writes them.
            detect_model: the network that finds text.
            gpu: whether the loaded reader uses a GPU.
        """
        names: tuple[tuple[str, Any], ...] = (("recog_network", recog_network), ("detect_model", detect_model))
        for option, name in names:
            if not isinstance(name, str) or not name.isidentifier():
                raise ConfigError(f"`{option}` must be the name of a network: {name!r}")
        self._settings = {"recog_network": recog_network, "lang_list": list(lang_list), "gpu": bool(gpu)}
        self._networks = (detect_model, recog_network)
        return super().pack(model, metadata)

    def check(self, model: Any) -> Any:
        """Take a reader, and nothing else."""
        if not isinstance(model, self.need().Reader):
            raise self.wrong("an `easyocr.Reader`", model)
        return model

    def write(self, model: Any, place: Path) -> None:
        """Copy the networks; raises InvalidInput where one is not in the reader's folder."""
        place.mkdir()
        for name in self._networks:
            source = Path(model.model_storage_directory, f"{name}.pth")
            if not source.is_file():
                raise InvalidInput(f"the reader of the artifact `{self.name}` has no network {source.name}")
            shutil.copyfile(source, place / source.name)
        (place / SETTINGS).write_text(json.dumps(self._settings, indent=2), "utf-8")

    def read(self, place: Path) -> Any:
        """Make the reader from these files, without a download."""
        try:
            told = json.loads((place / SETTINGS).read_text("utf-8"))
            options = {key: told[key] for key in ("recog_network", "lang_list", "gpu")}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"the artifact `{self.name}` is damaged: {SETTINGS}: {error}") from error
        return self.need().Reader(model_storage_directory=str(place), download_enabled=False, **options)
