"""Calls that meet are answered by one run of the model."""

import numpy as np

import ekiben


@ekiben.service
class Squares:
    """Squares rows of numbers."""

    @ekiben.api(batchable=True, max_batch_size=64, max_latency_ms=1000, isolate=True)
    def square(self, x: np.ndarray) -> np.ndarray:
        """Square each number; *x* has the rows of all callers."""
        return x * x
