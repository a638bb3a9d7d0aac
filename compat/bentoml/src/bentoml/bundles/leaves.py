"""Read one input of an inference API as 0.13 did: whatever its content type says, as far as it can be understood.

In: JSON data, or an upload with the type that its sender declared. Out: a value; or ValueError with words for the
caller. Each class is a `Leaf` of `ekiben.schema.values.base`, so that codecs, batches and documents know it.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from bentoml.bundles.tasks import FileLike, file_of
from ekiben.core.spec import JsonSchema
from ekiben.schema.content import JSON, OCTETS, Upload
from ekiben.schema.values.base import Encoder, ListBatches
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import text as wire_text
from ekiben.schema.words import named

ANYTHING = "*/*"


class InputLeaf(ListBatches):
    """What all inputs have in common: they are read, and never written."""

    kind = "value"
    media_types: tuple[str, ...] = (ANYTHING,)
    output_media = JSON

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """JSON is the only form."""
        return {}

    def schema(self) -> JsonSchema:
        """Describe any value."""
        return {}

    def decode(self, raw: Any) -> Any:
        """Give the value as it came."""
        return raw

    def to_json(self, value: Any) -> Any:
        """Give the value."""
        return value

    def alike(self, value: Any, axis: int) -> Hashable:
        """Inputs that are not joined have nothing to agree on."""
        return None


@dataclass(frozen=True, slots=True)
class JsonLeaf(InputLeaf):
    """Any JSON; as a body of any type, or as the only file of a form."""

    kind: str = "json"

    def decode(self, raw: Any) -> Any:
        """Give the data; raises ValueError."""
        return json_of(raw)


@dataclass(frozen=True, slots=True)
class TextLeaf(InputLeaf):
    """Text in the charset that its content type names, else UTF-8."""

    kind: str = "text"
    media_types: tuple[str, ...] = ("text/plain", JSON, ANYTHING)

    def schema(self) -> JsonSchema:
        """Describe text."""
        return {"type": "string"}

    def decode(self, raw: Any) -> Any:
        """Give the text; raises ValueError."""
        return raw if isinstance(raw, str) else text_of(only_file(raw))


@dataclass(frozen=True, slots=True)
class FileLeaf(InputLeaf):
    """A file: the whole body, or the only file of a form."""

    kind: str = "file"
    accepts: str = OCTETS

    def schema(self) -> JsonSchema:
        """Describe an upload."""
        return {"type": "string", "format": "binary", "contentMediaType": self.accepts}

    def decode(self, raw: Any) -> Any:
        """Open the file; raises ValueError."""
        return raw if isinstance(raw, FileLike) else file_of(only_file(raw))


@dataclass(frozen=True, slots=True)
class WholeLeaf(InputLeaf):
    """A body as it came, for whoever sees whole requests; described as what is made of it."""

    described: JsonSchema
    kind: str
    media_types: tuple[str, ...] = (ANYTHING,)
    is_whole: bool = True

    def schema(self) -> JsonSchema:
        """Describe what is made of the body."""
        return self.described


def only_file(raw: Any) -> Upload:
    """Give the upload that a request must consist of; raises ValueError."""
    if isinstance(raw, Upload):
        return raw
    if isinstance(raw, str):
        return Upload(raw.encode(), "text/plain")
    if isinstance(raw, list) and any(isinstance(part, Upload) for part in raw):
        raise ValueError(f"must be one file, or the body itself: a form of {len(raw)} parts")
    raise ValueError(f"must be a file, or the body itself, not {named(raw)}")


def text_of(upload: Upload) -> str:
    """Read text in its charset; raises ValueError."""
    return wire_text.decode(upload.read(), upload.media_type)


def json_of(raw: Any) -> Any:
    """Read JSON, from an upload too; raises ValueError."""
    if isinstance(raw, Upload):
        return wire_json.load(text_of(raw))
    if isinstance(raw, list) and any(isinstance(part, Upload) for part in raw):
        raise ValueError(f"must be one file of JSON, or the body itself: a form of {len(raw)} parts")
    return raw
