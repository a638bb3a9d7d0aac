"""Inputs that are tensors: the instances of several requests in one, as TensorFlow Serving's clients send them.

Source: the REST API of TensorFlow Serving, "row format" (`{"instances": [...]}`, `{"b64": "..."}` for bytes).
"""

import base64
import binascii
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.leaves import InputLeaf, json_of
from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.core.spec import JsonSchema
from ekiben.schema.values.base import cuts
from ekiben.schema.wire import raw as wire_raw
from ekiben.schema.words import named

NARROWER = {"f": np.float32, "i": np.int32}
SHORT = 256  # bytes of a text up to which lengths do not matter


@dataclass(frozen=True, slots=True)
class InstancesLeaf(InputLeaf):
    """The instances of one request, as an array whose first axis is theirs."""

    kind: str = "tensor"

    def schema(self) -> JsonSchema:
        """Describe the row format."""
        return {
            "type": "object",
            "properties": {"instances": {"type": "array", "items": {}}},
            "required": ["instances"],
        }

    def decode(self, raw: Any) -> Any:
        """Make an array; raises ValueError."""
        data = json_of(raw)
        if isinstance(data, np.ndarray):
            return data
        found = data.get("instances") if isinstance(data, Mapping) else data
        if not isinstance(found, list):
            raise ValueError(f"must be an object with a list of `instances`: {named(data)}")
        plain = unpacked(found)
        wire_raw.check_texts(plain)
        try:
            made = np.array(plain)
        except ValueError as error:
            raise ValueError("must have instances of one shape") from error
        if made.dtype.kind not in "biufSU":
            raise ValueError("must have instances that are numbers, true or false, or text")
        return made.astype(NARROWER[made.dtype.kind]) if fits(made) else made

    def alike(self, value: Any, axis: int) -> Hashable:
        """Instances are joined where dtype and shape are the same, and texts of about one length.

        In an array each text takes as much memory as the longest, whosever that is.
        """
        if value.dtype.kind in "SU":
            return value.dtype.kind, max(value.dtype.itemsize, SHORT).bit_length(), value.shape[1:]
        return value.dtype.str, value.shape[1:]

    def join(self, values: Sequence[Any], axis: int) -> tuple[Any, list[int]]:
        """Put the instances one below the other."""
        return np.concatenate(values), [len(value) for value in values]

    def split(self, batch: Any, sizes: Sequence[int], axis: int) -> list[Any]:
        """Cut after each call's instances."""
        return [batch[start:end] for start, end in cuts(len(batch), sizes)]


class TfTensorInput(BaseInputAdapter):
    """Give the function a `tf.Tensor` with the instances of several requests; needs `batch=True`.

    Args:
        method: `predict`, the only one.
        http_input_example: an input, shown in the docs of the API.
    """

    SINGLE_MODE_SUPPORTED = False
    IS_JOINED = True

    def __init__(self, method: str = "predict", http_input_example: Any = None) -> None:
        super().__init__(http_input_example, method=method)
        if str(method).lower() != "predict":
            raise ConfigError(f"`method` must be 'predict': {method!r}")

    @property
    def pip_dependencies(self) -> list[str]:
        """The library of tensors."""
        return ["tensorflow"]

    def leaf(self) -> InputLeaf:
        """Give what reads the instances of one request."""
        return InstancesLeaf()

    def prepare(self, joined: Any) -> tuple[Any, ...]:
        """Give one tensor."""
        return (need("tensorflow", "`TfTensorInput`").constant(joined),)


def fits(array: Any) -> bool:
    """Say whether an array becomes what TensorFlow makes of Python's numbers: 32 bits, where they suffice."""
    if array.dtype == np.float64:
        return True
    limits = np.iinfo(np.int32)
    return array.dtype == np.int64 and bool(
        array.size == 0 or (array.min() >= limits.min and array.max() <= limits.max)
    )


def unpacked(value: Any) -> Any:
    """Give lists in which bytes are bytes; raises ValueError."""
    if isinstance(value, list):
        return [unpacked(inner) for inner in value]
    if isinstance(value, Mapping):
        text = value.get("b64")
        if len(value) != 1 or not isinstance(text, str):
            raise ValueError('must have instances that are lists, or {"b64": "…"} for bytes')
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise ValueError(f"must be base64: {named(text)}") from error
    return value
