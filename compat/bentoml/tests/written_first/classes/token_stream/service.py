# Shows: streams: of text, sync and async, of bytes, of records, with a content type of their own; server_context.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import asyncio
from typing import Annotated, AsyncGenerator, Generator

import bentoml
from bentoml.validators import ContentType
from pydantic import BaseModel


class Token(BaseModel):
    number: int
    word: str


@bentoml.service(name="teller", traffic={"timeout": 300, "concurrency": 4})
class Teller:
    @bentoml.api
    async def tell(self, prompt: str, count: int = 3) -> AsyncGenerator[str, None]:
        for number in range(count):
            await asyncio.sleep(0)
            yield f"{prompt}{number} "

    @bentoml.api
    def tell_slowly(self, prompt: str) -> Generator[str, None, None]:
        for letter in prompt:
            yield letter.upper()

    @bentoml.api
    async def events(self, prompt: str) -> Annotated[AsyncGenerator[str, None], ContentType("text/event-stream")]:
        for word in prompt.split():
            yield f"data: {word}\n\n"

    @bentoml.api
    async def raw(self, size: int) -> Annotated[AsyncGenerator[bytes, None], ContentType("audio/mpeg")]:
        for _ in range(size):
            yield b"\xff\xfb"

    @bentoml.api
    async def tokens(self, prompt: str) -> AsyncGenerator[Token, None]:
        for number, word in enumerate(prompt.split()):
            yield Token(number=number, word=word)

    @bentoml.api
    def where(self) -> dict:
        context = bentoml.server_context
        return {"service": context.service_name, "worker": context.worker_index}
