"""A service with a FastAPI app beside its endpoints."""

from fastapi import FastAPI, Request, WebSocket
from pydantic import BaseModel

import ekiben

own = FastAPI(title="own")


class Item(BaseModel):
    """What the app takes."""

    name: str


@own.post("/items")
async def take(item: Item, request: Request) -> dict[str, str]:
    return {"name": item.name, "root": request.scope["root_path"]}


@own.websocket("/chat")
async def chat(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("you said " + await socket.receive_text())
    await socket.close()


@ekiben.asgi_app(own, path="/own")
@ekiben.service(name="beside")
class Beside:
    """Doubles numbers."""

    @ekiben.api
    def double(self, number: int) -> int:
        """Double a number."""
        return 2 * number
