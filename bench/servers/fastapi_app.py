"""A small FastAPI app with `async def` handlers, the faster kind, on uvicorn."""

import asyncio
import json
from collections.abc import AsyncIterator

import model
import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

predict_rows = model.load()
app = FastAPI()


class Prompt(BaseModel):
    """What a stream begins with."""

    prompt: str


@app.post("/predict")
async def predict(rows: list[list[float]]) -> list[int]:
    """Predict each row."""
    return [int(label) for label in predict_rows(rows)]


@app.post("/mean")
async def mean(request: Request) -> float:
    """Give the mean of an array, as JSON or `.npy`."""
    body = await request.body()
    return model.mean_of(np.asarray(json.loads(body), np.float32) if body[:1] == b"[" else model.read_npy(body))


@app.post("/size")
async def size(request: Request) -> list[int]:
    """Decode a bare JPEG."""
    return model.size_of(await request.body())


@app.post("/tokens")
async def tokens(prompt: Prompt) -> StreamingResponse:
    """Stream the tokens, with a turn of the loop after each."""

    async def each() -> AsyncIterator[str]:
        for token in model.TOKENS:
            yield token
            await asyncio.sleep(0)

    return StreamingResponse(each(), media_type="text/plain")
