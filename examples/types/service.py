"""A service with a method for each kind of value: what goes in, what comes out."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from PIL import ImageOps
from PIL.Image import Image
from pydantic import BaseModel, Field

import ekiben
from ekiben.validators import ContentType, DataframeSchema, DType, Shape


class Size(enum.Enum):
    """How hungry you are."""

    SMALL = "small"
    LARGE = "large"


class Order(BaseModel):
    """What somebody wants to eat."""

    dish: str = Field(min_length=2, description="as it stands on the menu")
    count: int = Field(1, ge=1, le=9)
    size: Size = Size.SMALL


@dataclass
class Route:
    """Where a train goes, with an array inside."""

    name: str
    stops: np.ndarray


@ekiben.service
class Lunch:
    """Every kind of value."""

    @ekiben.api
    def order(self, orders: list[Order], table: int | None = None) -> dict[str, int]:
        """Count dishes: pydantic models, lists, optional values, enumerations."""
        return {order.dish: order.count for order in orders}

    @ekiben.api
    def classify(self, x: Annotated[np.ndarray, Shape((-1, 4)), DType("float32")]) -> np.ndarray:
        """Take rows of four numbers, as JSON, as .npy or as bare float32; answer an array."""
        return x.sum(axis=1)

    @ekiben.api
    def length(self, route: Route) -> float:
        """Take an array within a dataclass."""
        return float(np.abs(np.diff(route.stops)).sum())

    @ekiben.api
    def invert(
        self, image: Annotated[Image, ContentType("image/jpeg")] = Field(description="a picture")
    ) -> Annotated[Image, ContentType("image/png")]:
        """Take a picture of any format, answer a PNG."""
        return ImageOps.invert(image.convert("RGB"))

    @ekiben.api
    def count_words(self, texts: list[Path]) -> list[int]:
        """Take several files; each is a path that lives as long as the call."""
        return [len(text.read_bytes().split()) for text in texts]

    @ekiben.api
    def menu(self) -> Annotated[bytes, ContentType("application/pdf")]:
        """Answer bytes of a declared type."""
        return b"%PDF-1.7"

    @ekiben.api
    def mean(
        self, frame: Annotated[pd.DataFrame, DataframeSchema(columns=["sepal", "petal"])]
    ) -> Annotated[pd.DataFrame, DataframeSchema(orient="records")]:
        """Take a table as records, CSV, Arrow or Parquet."""
        return frame.mean(numeric_only=True).to_frame().T

    @ekiben.api
    def shout(self, text: str, /) -> str:
        """Take the whole body as text: a positional-only parameter is the body."""
        return text.upper()

    @ekiben.api
    def raw_json(self) -> Annotated[str, ContentType("application/json")]:
        """Answer text that is JSON already."""
        return '{"dish": "ekiben"}'
