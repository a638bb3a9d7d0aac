"""The service as for BentoML 1.4."""

import bentoml
import numpy as np


@bentoml.service(name="doubler")
class Doubler:
    """Doubles numbers."""

    @bentoml.api
    def double(self, rows: np.ndarray, /) -> np.ndarray:
        """Double each number."""
        return rows * 2


@bentoml.service(name="doubler")
class BatchedDoubler:
    """Doubles numbers."""

    @bentoml.api(batchable=True, max_batch_size=16, max_latency_ms=5000)
    def double(self, rows: np.ndarray, /) -> np.ndarray:
        """Double each number."""
        return rows * 2


PLAIN, BATCHED = Doubler, BatchedDoubler
