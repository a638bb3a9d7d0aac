# Shows: batches of arrays and of texts, Shape and DType, a batch axis, limits of a batch, several workers' threads.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

from typing import Annotated

import bentoml
import numpy as np
from bentoml.validators import DType, Shape

WORDS = ["red", "green", "blue"]


@bentoml.service(resources={"cpu": "2"}, threads=4, traffic={"timeout": 60})
class Embedding:
    def __init__(self) -> None:
        self.largest = 0

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=10000)
    def encode(self, sentences: list[str]) -> np.ndarray:
        self.largest = max(self.largest, len(sentences))
        return np.array([[sentence.split().count(word) for word in WORDS] for sentence in sentences], dtype=np.float32)

    @bentoml.api(batchable=True, batch_dim=(0, 0))
    def norm(
        self, vectors: Annotated[np.ndarray, Shape((-1, 3)), DType("float32")]
    ) -> Annotated[np.ndarray, DType("float32")]:
        return np.sqrt((vectors**2).sum(axis=1))

    @bentoml.api(batchable=True, batch_dim=1)
    def columns(self, matrix: np.ndarray) -> np.ndarray:
        return matrix * 2

    @bentoml.api
    def similarity(self, left: np.ndarray, right: np.ndarray) -> float:
        return float(left @ right)

    @bentoml.api
    def within_limit(self) -> bool:
        return self.largest <= 8
