"""A model in two processes of its own, behind one that always answers."""

import os

import numpy as np

import ekiben


@ekiben.service(workers=2, layout="apart")
class Scorer:
    """Scores rows, in whichever worker is free."""

    @ekiben.api(batchable=True)
    def score(self, rows: np.ndarray) -> np.ndarray:
        """Add up each row."""
        return rows.sum(axis=1)

    @ekiben.api
    def process(self) -> int:
        """Say which process answers."""
        return os.getpid()
