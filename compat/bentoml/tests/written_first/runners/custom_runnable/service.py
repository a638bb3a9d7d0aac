# Shows: a Runnable of the team's own: parameters, several methods, batches along an axis, lists as batches.
# 2026-11-21, written before the translator was read.
from typing import List

import bentoml
import numpy as np
from bentoml.io import JSON, NumpyNdarray, Text


class Sentiment(bentoml.Runnable):
    SUPPORTED_RESOURCES = ("cpu",)
    SUPPORTS_CPU_MULTI_THREADING = False

    def __init__(self, good, bad):
        self.good = set(good)
        self.bad = set(bad)
        self.batches = []

    @bentoml.Runnable.method(batchable=False)
    def is_positive(self, text: str) -> bool:
        return self._score(text) > 0

    @bentoml.Runnable.method(batchable=True, batch_dim=0)
    def score_many(self, texts: List[str]) -> List[int]:
        self.batches.append(len(texts))
        return [self._score(text) for text in texts]

    @bentoml.Runnable.method(batchable=False)
    def seen(self) -> list:
        return self.batches

    def _score(self, text):
        words = text.lower().split()
        return sum(word in self.good for word in words) - sum(word in self.bad for word in words)


class Scaler(bentoml.Runnable):
    SUPPORTED_RESOURCES = ("nvidia.com/gpu", "cpu")
    SUPPORTS_CPU_MULTI_THREADING = True

    @bentoml.Runnable.method(batchable=True, batch_dim=(0, 0))
    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return rows * 10.0


sentiment_runner = bentoml.Runner(
    Sentiment,
    name="sentiment",
    runnable_init_params={"good": ["good", "great"], "bad": ["bad"]},
    method_configs={"score_many": {"max_batch_size": 4, "max_latency_ms": 5000}},
)
scaler_runner = bentoml.Runner(Scaler, max_batch_size=50, max_latency_ms=1000)

svc = bentoml.Service("analysis", runners=[sentiment_runner, scaler_runner])


@svc.api(input=Text(), output=JSON())
async def analyse(text: str):
    positive = await sentiment_runner.is_positive.async_run(text)
    scores = await sentiment_runner.score_many.async_run([text, text + " bad"])
    return {"positive": positive, "scores": list(scores)}


@svc.api(input=JSON(), output=JSON())
def batches(_):
    return {"most": max(sentiment_runner.seen.run(), default=0) <= 4}


@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def scale(rows):
    return await scaler_runner.async_run(rows)
