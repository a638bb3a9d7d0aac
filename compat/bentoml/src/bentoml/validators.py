"""Markers that say more about a value than its type does.

In: plain values. Out: markers for `Annotated[...]`; those of BentoML that say two things stand for two of Ekiben's.
Source: `GroupedMetadata` of the distribution annotated-types, for one annotation that stands for several.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.validators import ContentType, DataframeSchema, DType, Shape

__all__ = ["ContentType", "DType", "DataframeSchema", "FileSchema", "PILImageEncoder", "Shape", "TensorSchema"]

TENSORS = ("numpy-array", "torch-tensor", "tf-tensor")


@dataclass(frozen=True)
class Group:
    """One marker that stands for several."""

    __is_annotated_types_grouped_metadata__ = True

    def __iter__(self) -> Iterator[Any]:
        """Give the markers that it stands for."""
        yield from ()


@dataclass(frozen=True)
class FileSchema(Group):
    """A file, perhaps of one media type; the type hint says that it is one."""

    format: str = "binary"
    content_type: str | None = None

    def __post_init__(self) -> None:
        if self.format not in ("binary", "image", "audio", "video"):
            raise ConfigError(f"`format` of a file must be binary, image, audio or video: {self.format!r}")

    def __iter__(self) -> Iterator[ContentType]:
        """Give the media type."""
        kind = self.content_type or (None if self.format == "binary" else f"{self.format}/*")
        if kind is not None:
            yield ContentType(kind)


@dataclass(frozen=True)
class TensorSchema(Group):
    """An array or a tensor, perhaps of one dtype or shape; the type hint says of which library."""

    format: str = "numpy-array"
    dtype: str | None = None
    shape: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if self.format not in TENSORS:
            raise ConfigError(f"`format` of a tensor must be {', '.join(TENSORS)}: {self.format!r}")

    def __iter__(self) -> Iterator[DType | Shape]:
        """Give dtype and shape."""
        if self.dtype is not None:
            yield DType(self.dtype)
        if self.shape is not None:
            yield Shape(tuple(self.shape))


@dataclass(frozen=True)
class PILImageEncoder(Group):
    """An image of Pillow, which the type hint says already."""
