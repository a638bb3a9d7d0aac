"""Ekiben with its defaults on: validation, metrics, request ids, access log."""

import model
import numpy as np
from numpy.typing import NDArray

import ekiben

predict_rows = model.load()


@ekiben.service(name="bench")
class Bench:
    """One model, plain and batched."""

    @ekiben.api
    def predict(self, rows: list[list[float]], /) -> list[int]:
        """Predict each row."""
        return [int(label) for label in predict_rows(rows)]

    @ekiben.api(batchable=True, max_batch_size=model.MAX_BATCH)
    def batched(self, rows: NDArray[np.float64], /) -> NDArray[np.int64]:
        """Predict each row, joined with those of other calls."""
        return np.asarray(predict_rows(rows))
