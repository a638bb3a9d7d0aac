"""BentoML 1.4 with its defaults on."""

import bentoml
import model
import numpy as np

predict_rows = model.load()


@bentoml.service(workers=1)
class Bench:
    """One model, plain and batched."""

    @bentoml.api
    def predict(self, rows: list[list[float]], /) -> list[int]:
        """Predict each row."""
        return [int(label) for label in predict_rows(rows)]

    @bentoml.api(batchable=True, max_batch_size=model.MAX_BATCH, max_latency_ms=1000)
    def batched(self, rows: np.ndarray) -> np.ndarray:
        """Predict each row, joined with those of other calls."""
        return np.asarray(predict_rows(rows))
