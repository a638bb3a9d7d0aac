"""Batches that wait as their author says."""

import numpy as np

import ekiben
from ekiben.batching import Adaptive, BatchSpec, Moment


class Patient(Adaptive):
    """Wait for half a batch, at most for a tenth of what running it costs."""

    def wait(self, moment: Moment, spec: BatchSpec) -> float:
        """Say how many seconds more the next batch may wait."""
        if moment.items * 2 >= spec.max_size:
            return 0.0
        return max(0.0, self.expect(spec.max_size) / 10 - moment.oldest)


@ekiben.service
class Scorer:
    """Scores rows of numbers."""

    @ekiben.api(batchable=True, max_batch_size=64, policy=Patient())
    def score(self, x: np.ndarray, threshold: float = 0.5) -> list[bool]:
        """Say which rows are above the threshold; calls with the same one run together."""
        return (x.mean(axis=1) > threshold).tolist()
