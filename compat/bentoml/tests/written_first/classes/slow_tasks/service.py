# Shows: tasks: sync and async, one that fails, one that answers with a picture, beside an ordinary API.
# 2026-11-21, written before the translator was read.
from __future__ import annotations

import asyncio
import time

import bentoml
from bentoml.exceptions import InvalidArgument
from PIL import Image as Images
from PIL.Image import Image
from pydantic import BaseModel


class Report(BaseModel):
    pages: int
    title: str


@bentoml.service(traffic={"timeout": 120})
class Printer:
    @bentoml.task
    def report(self, title: str, pages: int = 1) -> Report:
        time.sleep(0.2)
        return Report(pages=pages, title=title.title())

    @bentoml.task
    async def draw(self, prompt: str, size: int = 16) -> Image:
        await asyncio.sleep(0.1)
        return Images.new("RGB", (size, size), prompt)

    @bentoml.task(route="/v1/refuse")
    def refuse(self, why: str) -> str:
        raise InvalidArgument(why)

    @bentoml.api
    def status(self) -> str:
        return "warm"
