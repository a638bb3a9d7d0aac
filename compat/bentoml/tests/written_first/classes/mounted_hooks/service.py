# Shows: a FastAPI app whose routes are methods, hooks at start and end, health by the service's own word, a WebSocket.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import bentoml
from fastapi import FastAPI, WebSocket
from pydantic import BaseModel

app = FastAPI()


class Note(BaseModel):
    words: str


@bentoml.service(workers=1, endpoints={"livez": "/alive"})
@bentoml.asgi_app(app, path="/v1")
class Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps = ["init"]

    @bentoml.on_deployment
    def prepare() -> None:
        print("prepared once")

    @bentoml.on_startup
    def open(self) -> None:
        self.steps.append("sync start")

    @bentoml.on_startup
    async def connect(self) -> None:
        self.steps.append("async start")

    @bentoml.on_shutdown
    def close(self) -> None:
        print("closing with", len(self.notes), "notes")

    def __is_ready__(self) -> bool:
        return len(self.steps) == 3

    @app.get("/notes")
    def list_notes(self) -> list[str]:
        return self.notes

    @app.post("/notes", status_code=201)
    async def add_note(self, note: Note) -> dict:
        self.notes.append(note.words)
        return {"number": len(self.notes)}

    @app.websocket("/echo")
    async def echo(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text((await socket.receive_text()).upper())
        await socket.close()

    @bentoml.api
    def begun(self) -> list[str]:
        return sorted(self.steps)

    @bentoml.api
    def count(self) -> int:
        return len(self.notes)


@app.get("/plain")
def plain() -> dict:
    return {"service": bentoml.get_current_service().__class__.__name__}
