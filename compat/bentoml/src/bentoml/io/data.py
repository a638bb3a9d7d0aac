"""JSON, of any form or of a pydantic model's.

In: JSON under any content type. Out: dicts, lists and scalars, or an instance of the model; and JSON of most values:
models, dataclasses, classes by attrs, arrays.
"""

import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from bentoml.exceptions import InvalidArgument
from bentoml.front import STYLE_OF_RUNNERS
from bentoml.io.base import IODescriptor
from bentoml.io.notes import Described, hint_of
from ekiben.schema import open as schema_open
from ekiben.schema.content import JSON as MEDIA
from ekiben.schema.content import Encoded, Upload
from ekiben.schema.structures import is_structure
from ekiben.schema.values.record import RecordLeaf
from ekiben.schema.wire import json as wire_json
from ekiben.validators import ContentType

log = logging.getLogger("ekiben")

Dump = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class JsonLeaf(RecordLeaf):
    """Any JSON."""

    dump: Dump | None = None  # None: as the service writes JSON
    examples: tuple[Any, ...] = ()
    json_media: tuple[str, ...] = ("*/*",)

    def __post_init__(self) -> None:
        """Write answers by the leaf itself, text too."""
        object.__setattr__(self, "encoders", {MEDIA: self.write})

    def schema(self) -> dict[str, Any]:
        """Describe any value."""
        return {"examples": list(self.examples)} if self.examples else {}

    def decode(self, raw: Any) -> Any:
        """Give the data; raises ValueError."""
        return wire_json.load(raw.read()) if isinstance(raw, Upload) else raw

    def write(self, value: Any) -> Encoded:
        """Write an answer."""
        return Encoded((self.dump or DUMP)(value), MEDIA)


def to_plain(value: Any) -> Any:
    """Give a stand-in, nearer to JSON: of a model its fields by their own names."""
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return value.model_dump()
    return schema_open.to_plain(value)


DUMP = wire_json.dumper(STYLE_OF_RUNNERS.nan_style, to_plain)


class DefaultJsonEncoder(json.JSONEncoder):
    """Writes what Python's own encoder does not: models, dataclasses, classes by attrs, arrays."""

    def default(self, o: Any) -> Any:
        """Give a stand-in that JSON knows."""
        near = to_plain(o)
        return near.tolist() if hasattr(near, "tolist") else near


class JSON(IODescriptor[Any], descriptor_id="bentoml.io.JSON"):
    """Describes JSON.

    Args:
        pydantic_model: what an input must be, and is made to.
        validate_json: True and False are one: a model always validates, as with BentoML.
        json_encoder: a `json.JSONEncoder` that writes answers.

    Raises:
        InvalidArgument: the model is none of pydantic's, or the encoder none of `json`'s.
    """

    def __init__(
        self, pydantic_model: Any = None, validate_json: bool | None = None, json_encoder: Any = DefaultJsonEncoder
    ) -> None:
        is_model = isinstance(pydantic_model, type) and hasattr(pydantic_model, "model_validate")
        if pydantic_model is not None and not (is_model and is_structure(pydantic_model)):
            raise InvalidArgument(
                f"`pydantic_model` must be a class that inherits from `pydantic.BaseModel`: {pydantic_model!r}"
            )
        if not (isinstance(json_encoder, type) and issubclass(json_encoder, json.JSONEncoder)):
            raise InvalidArgument(
                f"`json_encoder` must be a class that inherits from `json.JSONEncoder`: {json_encoder!r}"
            )
        if validate_json is False and pydantic_model is not None:
            log.warning("`JSON(validate_json=False)` changes nothing: inputs are held to the model")
        self._pydantic_model = pydantic_model
        self._json_encoder = json_encoder

    def _input_hint(self) -> Any:
        model, examples = self._pydantic_model, self._examples
        if model is None:
            return hint_of(JsonLeaf(examples=examples))
        return Annotated[model, ContentType("*/*"), Described({"examples": list(examples)} if examples else {})]

    def _output_hint(self) -> Any:
        encoder = self._json_encoder
        dump = None if encoder is DefaultJsonEncoder else dumper(encoder)
        return hint_of(JsonLeaf(dump=dump, examples=self._examples), self._pydantic_model)

    @property
    def _examples(self) -> tuple[Any, ...]:
        return () if self.sample is None else (self.openapi_example(),)

    def input_type(self) -> Any:
        """Give the model, or any JSON."""
        return self._pydantic_model or Any

    def openapi_example(self) -> Any:
        """Give the sample as data."""
        return None if self.sample is None else json.loads(DUMP(self.sample))

    def _from_sample(self, sample: Any) -> Any:
        if isinstance(sample, str | bytes):
            try:
                return wire_json.load(sample)
            except ValueError as error:
                raise InvalidArgument(f"a sample of `JSON` must be data, or text that is JSON: {error}") from error
        if hasattr(sample, "model_dump") and not isinstance(sample, type):
            self._pydantic_model = type(sample)
            return sample
        try:
            DUMP(sample)
        except TypeError as error:
            raise InvalidArgument(f"a sample of `JSON` must have a JSON form: {error}") from error
        return sample

    def _spec_args(self) -> dict[str, Any]:
        return {
            "has_pydantic_model": self._pydantic_model is not None,
            "has_json_encoder": self._json_encoder is not DefaultJsonEncoder,
        }

    @classmethod
    def _of_spec(cls, args: dict[str, Any]) -> "JSON":
        if args.get("has_pydantic_model") or args.get("has_json_encoder"):
            warnings.warn("a spec of `JSON` holds no model and no encoder; what is made of it takes any", stacklevel=3)
        return cls()


def dumper(encoder: type[json.JSONEncoder]) -> Dump:
    """Make the function that writes by a user's encoder."""

    def dump(value: Any) -> bytes:
        return json.dumps(value, cls=encoder, ensure_ascii=False, separators=(",", ":")).encode()

    return dump
