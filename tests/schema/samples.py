"""Types of every sort, and what it means that two values of them are the same."""

import datetime as dt
import enum
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, NewType, NotRequired, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from ekiben.validators import DType, Shape


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Inner(BaseModel):
    n: int
    when: dt.date | None = None


class Outer(BaseModel):
    name: str = Field(min_length=2)
    inner: list[Inner] = []


class Renamed(BaseModel):
    given: int = Field(alias="Given Name")


class WithArray(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    x: Annotated[np.ndarray, Shape((-1, 2)), DType("float32")]
    note: str = "none"


@dataclass
class Point:
    x: float
    y: float = 0.0
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measured:
    values: NDArray[np.int64]
    unit: str = "m"


class Row(TypedDict):
    a: int
    b: NotRequired[str]


class Pixels(TypedDict):
    image: Image.Image
    scale: NotRequired[float]


class Pair(NamedTuple):
    key: str
    values: np.ndarray


UserId = NewType("UserId", int)


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal, in type, dtype and content."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if isinstance(one, pd.DataFrame | pd.Series):
        return bool(one.equals(other))
    if isinstance(one, Image.Image):
        return one.size == other.size and one.tobytes() == other.tobytes()
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other)) and type(one) is type(other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Measured | WithArray):
        return type(one) is type(other) and same(vars_of(one), vars_of(other))
    return type(one) is type(other) and bool(one == other)


def vars_of(value: Any) -> dict[str, Any]:
    """Give the fields of a model or a dataclass with slots."""
    return {name: getattr(value, name) for name in type(value).__annotations__}
