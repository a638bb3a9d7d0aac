# Shows: services that depend on services: sync and async, side by side, two steps deep, with names of their own.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import asyncio
import typing as t

import bentoml
import numpy as np


@bentoml.service(resources={"cpu": "500m"}, workers=1)
class Cleaner:
    @bentoml.api
    def clean(self, text: str) -> t.List[str]:
        return [word.strip(".,!").lower() for word in text.split()]


@bentoml.service(name="word-vectors", traffic={"timeout": 10})
class Vectors:
    cleaner = bentoml.depends(Cleaner)

    @bentoml.api(batchable=True, max_batch_size=16)
    def lengths(self, words: t.List[str]) -> t.List[int]:
        return [len(word) for word in words]

    @bentoml.api
    def vector(self, text: str) -> np.ndarray:
        words = self.cleaner.clean(text)
        return np.array(self.lengths(words), dtype=np.int64)


@bentoml.service
class Mood:
    def __init__(self) -> None:
        self.good = {"good", "fine", "lovely"}

    @bentoml.api
    async def mood(self, words: t.List[str]) -> str:
        return "good" if self.good & set(words) else "unknown"


@bentoml.service(workers=1, envs=[{"name": "STAGE", "value": "test"}])
class Gateway:
    vectors = bentoml.depends(Vectors)
    cleaner = bentoml.depends(Cleaner)
    mood = bentoml.depends(Mood)

    @bentoml.api
    async def analyse(self, text: str) -> t.Dict[str, t.Any]:
        words = await self.cleaner.to_async.clean(text)
        vector, mood = await asyncio.gather(
            self.vectors.to_async.vector(text),
            self.mood.mood(words),
        )
        return {"words": words, "total": int(np.asarray(vector).sum()), "mood": mood}

    @bentoml.api
    def total(self, text: str) -> int:
        return int(np.asarray(self.vectors.vector(text)).sum())

    @bentoml.api
    async def own(self, text: str) -> t.Dict[str, t.Any]:
        answer = await self.analyse(text)
        return {"mood": answer["mood"]}
