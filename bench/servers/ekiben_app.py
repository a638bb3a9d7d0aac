"""Ekiben with its defaults on: validation, metrics, request ids, access log."""

from typing import Annotated

import model
import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image

import ekiben
from ekiben.validators import Shape

predict_rows = model.load()


@ekiben.service(name="bench")
class Bench:
    """One model, plain and batched; an array, an image."""

    @ekiben.api
    def predict(self, rows: list[list[float]], /) -> list[int]:
        """Predict each row."""
        return [int(label) for label in predict_rows(rows)]

    @ekiben.api(batchable=True, max_batch_size=model.MAX_BATCH)
    def batched(self, rows: NDArray[np.float64], /) -> NDArray[np.int64]:
        """Predict each row, joined with those of other calls."""
        return np.asarray(predict_rows(rows))

    @ekiben.api
    def alone(self, rows: NDArray[np.float64], /) -> NDArray[np.int64]:
        """Predict each row, by itself: what `batched` must not be slower than for a lone client."""
        return np.asarray(predict_rows(rows))

    @ekiben.api
    def mean(self, array: Annotated[NDArray[np.float32], Shape((512, 512))], /) -> float:
        """Give the mean of an array."""
        return model.mean_of(array)

    @ekiben.api
    def size(self, image: Image) -> list[int]:
        """Decode an image."""
        return model.size_of(image)
