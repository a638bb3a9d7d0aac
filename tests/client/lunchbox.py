"""A service with every kind of value, for tests of the clients."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from PIL.Image import Image
from pydantic import BaseModel

import ekiben
from ekiben.core.errors import TooManyRequests
from ekiben.validators import ContentType, DType, Shape


class Box(BaseModel):
    """A record with an array in it."""

    name: str
    weights: np.ndarray

    model_config = {"arbitrary_types_allowed": True}


@ekiben.service
class Lunchbox:
    """Says what came, or gives it back."""

    @ekiben.api
    def add(self, x: np.ndarray, n: int = 1) -> np.ndarray:
        """Add *n* to each number."""
        return x + n

    @ekiben.api
    def double(self, x: Annotated[np.ndarray, DType("float32"), Shape((-1, 2))], /) -> np.ndarray:
        return x * 2

    @ekiben.api
    def table(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame

    @ekiben.api
    def describe(self, image: Image, label: str = "none", scale: float = 1.0) -> dict[str, object]:
        return {"size": list(image.size), "mode": image.mode, "label": label, "scale": scale}

    @ekiben.api
    def turn(self, image: Image, /) -> Image:
        return image.rotate(90, expand=True)

    @ekiben.api
    def count(self, images: list[Image], names: list[str]) -> list[str]:
        return [f"{name}: {image.width}" for image, name in zip(images, names, strict=True)]

    @ekiben.api
    def twice(self, file: Path) -> Path:
        out = file.with_name("doppelt größer.txt")
        out.write_bytes(file.read_bytes() * 2)
        return out

    @ekiben.api
    def kind(self, file: Annotated[Path, ContentType("text/*")]) -> str:
        return file.read_text()

    @ekiben.api
    def reverse(self, data: bytes) -> bytes:
        return data[::-1]

    @ekiben.api
    def pack(self, name: str, weights: np.ndarray) -> Box:
        return Box(name=name, weights=weights)

    @ekiben.api
    def echo(self, value: dict[str, object] | list[object] | None = None, text: str | None = None) -> object:
        return value if text is None else text

    @ekiben.api
    def json(self) -> Annotated[str, ContentType("application/json")]:
        return '{"is": "JSON already"}'

    @ekiben.api
    def close(self) -> str:
        """Bear the name of a client's own method."""
        return "closed"

    @ekiben.api
    def fail(self, how: str) -> None:
        if how == "busy":
            raise TooManyRequests("one lunch at a time", retry_after=7)
        raise RuntimeError("a secret of the service")
