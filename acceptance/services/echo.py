"""Give back what comes in, a method a type."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Optional, Union

import bentoml
import numpy as np
import pandas as pd
from bentoml.validators import ContentType, DataframeSchema, DType, Shape
from PIL.Image import Image
from pydantic import BaseModel, Field


class Flower(BaseModel):
    """A record with a limit."""

    length: float = Field(gt=0)
    name: str = "iris"


@bentoml.service
class Echo:
    """Give back what comes in."""

    @bentoml.api
    def number(self, x: float) -> float:
        return x

    @bentoml.api
    def text(self, x: str) -> str:
        return x

    @bentoml.api
    def maybe(self, x: Optional[int] = None) -> Optional[int]:  # noqa: UP045 - as people write it
        return x

    @bentoml.api
    def either(self, x: Union[int, list[str]]) -> Union[int, list[str]]:  # noqa: UP007 - as people write it
        return x

    @bentoml.api
    def choice(self, x: Literal["a", "b"]) -> Literal["a", "b"]:
        return x

    @bentoml.api
    def time(self, x: datetime) -> datetime:
        return x

    @bentoml.api
    def record(self, x: Flower) -> Flower:
        return x

    @bentoml.api
    def mapping(self, x: dict[str, list[int]]) -> dict[str, list[int]]:
        return x

    @bentoml.api
    def array(self, x: Annotated[np.ndarray, DType("float32"), Shape((-1, 2))]) -> np.ndarray:
        return x

    @bentoml.api
    def frame(self, x: Annotated[pd.DataFrame, DataframeSchema(orient="records")]) -> pd.DataFrame:
        return x

    @bentoml.api
    def picture(self, x: Image) -> Image:
        return x

    @bentoml.api
    def file(self, x: Annotated[Path, ContentType("text/plain")]) -> Annotated[Path, ContentType("text/plain")]:
        return x

    @bentoml.api
    def whole(self, x: list[int], /) -> list[int]:
        return x

    @bentoml.api()
    def with_parentheses(self, x: int) -> int:
        return x


asgi = Echo.to_asgi()
