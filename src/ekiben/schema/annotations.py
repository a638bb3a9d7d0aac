"""Say more about a value than its type does, inside `Annotated[...]`.

In: plain values. Out: frozen markers, which `schema/hints` reads. Public as `ekiben.validators`.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of an array or tensor; -1 stands for any length of that axis."""

    shape: tuple[int, ...]

    def __init__(self, shape: tuple[int, ...] | list[int] | int) -> None:
        object.__setattr__(self, "shape", (shape,) if isinstance(shape, int) else tuple(shape))


@dataclass(frozen=True, slots=True)
class DType:
    """The dtype of an array or tensor, by its NumPy name: `float32`."""

    dtype: str


@dataclass(frozen=True, slots=True)
class ContentType:
    """The media type of a file, an image or a string; `image/*` admits each subtype."""

    content_type: str


@dataclass(frozen=True, slots=True)
class DataframeSchema:
    """How a frame is written as JSON, and which columns it has."""

    orient: Literal["records", "columns"] = "records"
    columns: tuple[str, ...] | None = None

    def __init__(
        self, orient: Literal["records", "columns"] = "records", columns: tuple[str, ...] | list[str] | None = None
    ) -> None:
        object.__setattr__(self, "orient", orient)
        object.__setattr__(self, "columns", None if columns is None else tuple(columns))
