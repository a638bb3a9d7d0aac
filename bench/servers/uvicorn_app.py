"""The floor: uvicorn with an ASGI function, once with a constant answer and once with the model called inline."""

import json

import model

predict_rows = model.load()


async def read(receive) -> bytes:
    """Read a whole body."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def answer(send, body: bytes) -> None:
    """Send *body* as JSON."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def constant(scope, receive, send) -> None:
    """Read nothing, answer `[0]`."""
    if scope["type"] == "http":
        await read(receive)
        await answer(send, b"[0]")


async def app(scope, receive, send) -> None:
    """Decode, predict on the loop, encode."""
    if scope["type"] == "http":
        rows = json.loads(await read(receive))
        await answer(send, json.dumps([int(label) for label in predict_rows(rows)]).encode())
