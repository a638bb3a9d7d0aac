"""A service with a batching endpoint for each kind of value; a batch is three items, and waits for them."""

import io
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BaseModel

import ekiben


class Review(BaseModel):
    """One review."""

    text: str
    stars: int = 3


class Point(TypedDict):
    """One point."""

    x: int


def batch(**options: Any) -> Any:
    """Make an endpoint whose batch leaves when it has three items, whoever they are of."""
    return ekiben.api(batchable=True, max_batch_size=3, max_wait_ms=30_000, **options)


@ekiben.service
class Batches:
    """Each answer tells its item and how many items were there."""

    @batch()
    def array(self, x: np.ndarray) -> np.ndarray:
        return np.stack([x.sum(axis=1), np.full(len(x), len(x))], axis=1)

    @batch()
    def frame(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(together=len(rows))

    @batch()
    def series(self, numbers: pd.Series) -> pd.Series:
        return numbers * 10 + len(numbers)

    @batch()
    def text(self, texts: list[str]) -> list[str]:
        return [f"{text} of {len(texts)}" for text in texts]

    @ekiben.api(batchable=True)
    def soon(self, texts: list[str]) -> list[str]:
        return texts

    @batch()
    def numbers(self, values: list[int]) -> list[int]:
        return [value * 10 + len(values) for value in values]

    @batch()
    def objects(self, points: list[Point]) -> list[dict[str, int]]:
        return [{"x": point["x"], "together": len(points)} for point in points]

    @batch()
    def records(self, reviews: list[Review]) -> list[Review]:
        return [Review(text=f"{review.text} of {len(reviews)}", stars=review.stars) for review in reviews]

    @batch()
    def images(self, pictures: list[Image.Image]) -> list[list[int]]:
        return [[picture.width, len(pictures)] for picture in pictures]

    @batch()
    def pictures(self, pictures: list[Image.Image]) -> list[Image.Image]:
        return [picture.resize((len(pictures), 1)) for picture in pictures]

    @batch()
    def blobs(self, blobs: list[bytes]) -> list[int]:
        return [len(blob) * 10 + len(blobs) for blob in blobs]

    @batch()
    def files(self, files: list[Path]) -> list[str]:
        return [f"{file.read_text()} of {len(files)}" for file in files]

    @batch()
    def arrays(self, matrices: list[np.ndarray]) -> list[list[int]]:
        return [[int(matrix.sum()), len(matrices)] for matrix in matrices]

    @batch()
    def anything(self, values: Any) -> Any:
        return [[value, len(values)] for value in values]

    @batch()
    def columns(self, x: np.ndarray) -> dict[str, Any]:
        return {"sum": x.sum(axis=1), "together": [len(x)] * len(x)}

    @batch()
    async def later(self, texts: list[str]) -> list[str]:
        return [f"{text} of {len(texts)}" for text in texts]

    @batch()
    def root(self, x: np.ndarray, /) -> np.ndarray:
        return x.sum(axis=1) * 10 + len(x)

    @batch(batch_on="texts", isolate=True)
    def ranked(self, labels: list[str], texts: list[str], scale: float = 1.0) -> list[str]:
        if "bad" in texts:
            raise ekiben.exceptions.InvalidInput("a bad text")
        return [f"{text} {labels} {scale:g} of {len(texts)}" for text in texts]


def png(width: int) -> bytes:
    """Write a picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, 2)).save(out, "PNG")
    return out.getvalue()
