"""The service in Ekiben's own dialect: one array in, one out, each call alone or many calls joined."""

import numpy as np

import ekiben


@ekiben.service(name="doubler")
class Doubler:
    """Doubles numbers."""

    @ekiben.api
    def double(self, rows: np.ndarray, /) -> np.ndarray:
        """Double each number."""
        return rows * 2


@ekiben.service(name="doubler")
class BatchedDoubler:
    """Doubles numbers."""

    @ekiben.api(batchable=True, max_batch_size=16, max_latency_ms=5000)
    def double(self, rows: np.ndarray, /) -> np.ndarray:
        """Double each number."""
        return rows * 2


PLAIN, BATCHED = Doubler, BatchedDoubler
