"""Sleep without holding up anybody else."""

import asyncio

import bentoml
from bentoml.io import JSON

svc = bentoml.Service("sleepy")


@svc.api(input=JSON(), output=JSON())
async def sleep(asked: dict) -> float:
    """Wait as long as is asked."""
    await asyncio.sleep(asked["seconds"])
    return asked["seconds"]
