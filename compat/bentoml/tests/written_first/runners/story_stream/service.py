# Shows: text that comes in pieces: from a runner's generator, from the service itself, as server-sent events.
# 2026-11-21, written before the translator was read.
from typing import AsyncGenerator

import bentoml
from bentoml.io import JSON, Text


class Teller(bentoml.Runnable):
    SUPPORTED_RESOURCES = ("cpu",)
    SUPPORTS_CPU_MULTI_THREADING = True

    def __init__(self):
        self.words = "once upon a time".split()

    @bentoml.Runnable.method()
    async def tell(self, hero: str, count: int = 4) -> AsyncGenerator[str, None]:
        for word in [*self.words, "lived", hero][:count]:
            yield word + " "


teller_runner = bentoml.Runner(Teller, name="teller")
svc = bentoml.Service("stories", runners=[teller_runner])


@svc.api(input=Text(), output=Text())
async def story(hero: str) -> AsyncGenerator[str, None]:
    async for word in teller_runner.tell.async_stream(hero, count=6):
        yield word.upper()


@svc.api(input=JSON(), output=Text(content_type="text/event-stream"))
async def events(request: dict) -> AsyncGenerator[str, None]:
    async for word in teller_runner.tell.async_stream(request["hero"], request["count"]):
        yield f"data: {word.strip()}\n\n"
    yield "data: [DONE]\n\n"


@svc.api(input=Text(), output=Text(), route="/v1/straight")
def straight(hero: str):
    return teller_runner.tell.async_stream(hero)
