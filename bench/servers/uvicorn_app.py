"""The floor: uvicorn with an ASGI function, once with a constant answer and once with the work done inline."""

import asyncio
import json

import model

predict_rows = model.load()


async def read(receive) -> bytes:
    """Read a whole body."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def answer(send, body: bytes) -> None:
    """Send *body* as JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def stream(send) -> None:
    """Send the tokens, with a turn of the loop after each."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for token in model.TOKENS:
        await send({"type": "http.response.body", "body": token.encode(), "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


def predict(body: bytes) -> list[int]:
    """Predict rows."""
    return [int(label) for label in predict_rows(json.loads(body))]


def mean(body: bytes) -> float:
    """Read an array as the case sends it, and give its mean."""
    import numpy as np

    is_json = body[:1] == b"["
    return model.mean_of(np.asarray(json.loads(body), np.float32) if is_json else model.read_npy(body))


WORK = {"/predict": predict, "/mean": mean, "/size": model.size_of}


async def constant(scope, receive, send) -> None:
    """Read, answer `[0]`."""
    if scope["type"] == "http":
        await read(receive)
        await answer(send, b"[0]")


async def app(scope, receive, send) -> None:
    """Decode, work on the loop, encode."""
    if scope["type"] == "http":
        body = await read(receive)
        if scope["path"] == "/tokens":
            await stream(send)
        else:
            await answer(send, json.dumps(WORK[scope["path"]](body)).encode())
