"""BentoML 1.4 with its defaults on."""

from collections.abc import AsyncGenerator
from pathlib import Path

import bentoml
import model
import numpy as np
from PIL.Image import Image

predict_rows = model.load()


@bentoml.service(workers=1)
class Bench:
    """One model, plain and batched; an array, an image, a stream."""

    @bentoml.api
    def predict(self, rows: list[list[float]], /) -> list[int]:
        """Predict each row."""
        return [int(label) for label in predict_rows(rows)]

    @bentoml.api(batchable=True, max_batch_size=model.MAX_BATCH, max_latency_ms=1000)
    def batched(self, rows: np.ndarray) -> np.ndarray:
        """Predict each row, joined with those of other calls."""
        return np.asarray(predict_rows(rows))

    @bentoml.api
    def mean(self, array: np.ndarray, /) -> float:
        """Give the mean of an array that came as JSON."""
        return model.mean_of(array)

    @bentoml.api
    def mean_npy(self, array: Path) -> float:
        """Give the mean of an array that came as a file."""
        return model.mean_of(model.read_npy(array.read_bytes()))

    @bentoml.api
    def size(self, image: Image) -> list[int]:
        """Decode an image."""
        return model.size_of(image)

    @bentoml.api
    async def tokens(self, prompt: str) -> AsyncGenerator[str, None]:
        """Give the tokens, one by one."""
        for token in model.TOKENS:
            yield token


@bentoml.service(workers=1)
class Second:
    """The second half of a pipeline."""

    @bentoml.api
    def score(self, rows: list[list[float]]) -> list[int]:
        """Predict each row."""
        return [int(label) for label in predict_rows(rows)]


@bentoml.service(workers=1)
class Pipeline:
    """The first half: it checks, and asks the second."""

    second = bentoml.depends(Second)

    @bentoml.api
    async def predict(self, rows: list[list[float]], /) -> list[int]:
        """Have the rows predicted elsewhere."""
        return await self.second.to_async.score(rows=rows)
