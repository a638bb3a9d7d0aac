"""A small BlackSheep app on uvicorn: bodies are read by hand."""

import asyncio
import json
from collections.abc import AsyncIterator

import model
import numpy as np
from blacksheep import Application, Content, Request, Response, StreamedContent

predict_rows = model.load()
app = Application()


def as_json(value: object) -> Response:
    """Give *value* as JSON."""
    return Response(200, content=Content(b"application/json", json.dumps(value).encode()))


@app.router.post("/predict")
async def predict(request: Request) -> Response:
    """Predict each row."""
    return as_json([int(label) for label in predict_rows(await request.json())])


@app.router.post("/mean")
async def mean(request: Request) -> Response:
    """Give the mean of an array, as JSON or `.npy`."""
    body = await request.read()
    return as_json(
        model.mean_of(np.asarray(json.loads(body), np.float32) if body[:1] == b"[" else model.read_npy(body))
    )


@app.router.post("/size")
async def size(request: Request) -> Response:
    """Decode a bare JPEG."""
    return as_json(model.size_of(await request.read()))


@app.router.post("/tokens")
async def tokens(request: Request) -> Response:
    """Stream the tokens, with a turn of the loop after each."""

    async def each() -> AsyncIterator[bytes]:
        for token in model.TOKENS:
            yield token.encode()
            await asyncio.sleep(0)

    return Response(200, content=StreamedContent(b"text/plain", each))
