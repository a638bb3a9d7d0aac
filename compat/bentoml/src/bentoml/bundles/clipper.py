"""Inputs of services that ran under Clipper: bytes, numbers of three kinds, text."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.leaves import InputLeaf, json_of
from ekiben.core.spec import JsonSchema
from ekiben.schema.content import Upload
from ekiben.schema.words import named

DTYPES = {"floats": "float32", "ints": "int32", "doubles": "float64"}


@dataclass(frozen=True, slots=True)
class ClipperLeaf(InputLeaf):
    """One input as Clipper's clients send it: the value, or `{"input": value}`."""

    item: str  # bytes | floats | ints | doubles | strings
    kind: str = "json"

    def schema(self) -> JsonSchema:
        """Describe a list of numbers, or text."""
        if self.item not in DTYPES:
            return {"type": "string"}
        return {"type": "array", "items": {"type": "integer" if self.item == "ints" else "number"}}

    def decode(self, raw: Any) -> Any:
        """Give an array, text or bytes; raises ValueError."""
        if self.item == "bytes" and isinstance(raw, Upload):
            return raw.read()
        data = json_of(raw)
        value = data["input"] if isinstance(data, Mapping) and "input" in data else data
        if self.item in DTYPES:
            return self.numbers(value)
        if not isinstance(value, str):
            raise ValueError(f"must be text: {named(value)}")
        return value.encode() if self.item == "bytes" else value

    def numbers(self, value: Any) -> Any:
        """Give an array of the kind that is asked for; raises ValueError."""
        kinds = int if self.item == "ints" else int | float
        if not isinstance(value, list) or any(isinstance(x, bool) or not isinstance(x, kinds) for x in value):
            raise ValueError(
                f"must be a list of {'whole numbers' if self.item == 'ints' else 'numbers'}: {named(value)}"
            )
        try:
            return np.array(value, dtype=DTYPES[self.item])
        except OverflowError as error:
            raise ValueError(f"must be numbers that {DTYPES[self.item]} can hold: {error}") from error


class ClipperInput(BaseInputAdapter):
    """Base of the five inputs."""

    ITEM = "bytes"

    def __init__(self, http_input_example: Any = None) -> None:
        super().__init__(http_input_example)

    def leaf(self) -> InputLeaf:
        """Give what reads one input."""
        return ClipperLeaf(self.ITEM)


class ClipperBytesInput(ClipperInput):
    """Give the function bytes."""

    ITEM = "bytes"


class ClipperFloatsInput(ClipperInput):
    """Give the function an array of float32."""

    ITEM = "floats"


class ClipperIntsInput(ClipperInput):
    """Give the function an array of int32."""

    ITEM = "ints"


class ClipperDoublesInput(ClipperInput):
    """Give the function an array of float64."""

    ITEM = "doubles"


class ClipperStringsInput(ClipperInput):
    """Give the function text."""

    ITEM = "strings"
