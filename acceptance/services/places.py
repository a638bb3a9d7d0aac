"""Say which processes answer: one of the service's, and one of its runner's."""

import os
import time

import bentoml
from bentoml.io import JSON


class Where(bentoml.Runnable):
    """Knows its process."""

    SUPPORTED_RESOURCES = ("cpu",)
    SUPPORTS_CPU_MULTI_THREADING = False

    @bentoml.Runnable.method(batchable=False)
    def look(self, seconds: float) -> int:
        """Give the id of the process, after some time."""
        time.sleep(seconds)
        return os.getpid()


runner = bentoml.Runner(Where, name="where")
svc = bentoml.Service("places", runners=[runner])


@svc.api(input=JSON(), output=JSON())
async def look(asked: dict) -> dict:
    """Give the ids of both processes."""
    return {"service": os.getpid(), "runner": await runner.look.async_run(asked["seconds"])}
