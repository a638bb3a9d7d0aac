"""Pack models and tokenizers of Transformers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bentoml.bundles.artifact import ModelArtifact, one_line
from bentoml.refusals import OWN_ARTIFACT
from ekiben.core.errors import InvalidInput, StoreError

__all__ = ["TransformersModelArtifact"]

CLASSES = "classes.json"
BASES = {"model": "PreTrainedModel", "tokenizer": "PreTrainedTokenizerBase"}


class TransformersModelArtifact(ModelArtifact):
    """A model and its tokenizer, in a folder; the service gets both by these names."""

    kind, library, packages = "TransformersModelArtifact", "transformers", ("transformers", "torch")

    def check(self, model: Any) -> Any:
        """Take `{"model": …, "tokenizer": …}`, or the name or folder of a pretrained model."""
        if isinstance(model, str | Path):
            return self._pretrained(str(model))
        if not isinstance(model, Mapping) or set(model) != set(BASES):
            raise InvalidInput(
                f"the artifact `{self.name}` must be packed with `model` and `tokenizer`, or a name: {shown(model)}",
                hint='pack {"model": model, "tokenizer": tokenizer}',
            )
        library = self.need()
        for part, base in BASES.items():
            if not isinstance(model[part], getattr(library, base)):
                raise self.wrong(f"a {part} of Transformers", model[part])
            kind = type(model[part])
            if getattr(library, kind.__name__, None) is not kind:
                raise InvalidInput(
                    f"{self.title} must be packed with a {part} whose class is Transformers' own: {kind.__name__}",
                    hint=OWN_ARTIFACT,
                )
        return dict(model)

    def write(self, model: Any, place: Path) -> None:
        """Write both into one folder, and which classes they are."""
        place.mkdir()
        for part in BASES:
            model[part].save_pretrained(place / part)
        names = {part: type(model[part]).__name__ for part in BASES}
        (place / CLASSES).write_text(json.dumps(names, indent=2), "utf-8")

    def read(self, place: Path) -> Any:
        """Read both; raises StoreError for classes that Transformers has not."""
        library = self.need()
        try:
            names = json.loads((place / CLASSES).read_text("utf-8"))
            found = {part: class_of(library, names[part], base) for part, base in BASES.items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"the artifact `{self.name}` is damaged: {CLASSES}: {error}") from error
        options: dict[str, dict[str, Any]] = {"model": {"use_safetensors": True}}  # others would be unpickled
        return {
            part: kind.from_pretrained(place / part, local_files_only=True, **options.get(part, {}))
            for part, kind in found.items()
        }

    def _pretrained(self, name: str) -> dict[str, Any]:
        library = self.need()
        try:
            config = library.AutoConfig.from_pretrained(name)
            named = next(iter(getattr(config, "architectures", None) or ()), None)
            kind = library.AutoModel if named is None else class_of(library, named, BASES["model"])
            return {"model": kind.from_pretrained(name), "tokenizer": library.AutoTokenizer.from_pretrained(name)}
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"{self.title} must be packed with the name or the folder of a model: {name!r}: {one_line(error)}"
            ) from error


def shown(value: Any) -> str:
    """Say what was packed in place of two parts, in short."""
    return (
        f"a mapping of {', '.join(map(str, value)) or 'nothing'}"
        if isinstance(value, Mapping)
        else type(value).__name__
    )


def class_of(library: Any, name: Any, base: str) -> Any:
    """Give a class of Transformers by its name; raises ValueError for anything else."""
    found = getattr(library, name, None) if isinstance(name, str) and name.isidentifier() else None
    if not isinstance(found, type) or not issubclass(found, getattr(library, base)):
        raise ValueError(f"{name!r} is no class of Transformers that can be loaded")
    return found
