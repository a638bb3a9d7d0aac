"""A service with WebSockets of a mounted app beside its endpoints."""

from pathlib import Path

from fastapi import FastAPI, WebSocket
from starlette.websockets import WebSocketDisconnect

import ekiben

own = FastAPI()


@own.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    """Give back what comes, as it comes, until the client leaves."""
    await socket.accept()
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            if message.get("text") is not None:
                await socket.send_text(message["text"])
            else:
                await socket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass


@own.websocket("/speak")
async def speak(socket: WebSocket) -> None:
    """Choose a subprotocol, say where we are, and end with a code of our own."""
    await socket.accept(subprotocol="v2" if "v2" in socket.scope["subprotocols"] else None)
    await socket.send_json({"root": socket.scope["root_path"], "query": socket.query_params.get("a")})
    await socket.close(4001, "enough")


@own.websocket("/wait")
async def wait(socket: WebSocket, folder: str) -> None:
    """Wait until the other side leaves, and note its code."""
    await socket.accept()
    await socket.send_text("ready")
    message = await socket.receive()
    (Path(folder) / "part").write_text(str(message.get("code")))
    (Path(folder) / "part").rename(Path(folder) / "code")


@own.websocket("/refuse")
async def refuse(socket: WebSocket) -> None:
    """Let nobody in."""
    await socket.close(4003)


@ekiben.asgi_app(own, path="/own")
@ekiben.service(name="sockets")
class Sockets:
    """Doubles numbers."""

    @ekiben.api
    def double(self, number: int) -> int:
        """Double a number."""
        return 2 * number
