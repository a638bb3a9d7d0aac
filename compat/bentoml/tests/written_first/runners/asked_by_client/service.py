# Shows: a service that a client of BentoML asks. 2026-11-21, written before the translator was read.
# 2026-11-21, written before the translator was read.
import bentoml
import numpy as np
from bentoml.io import JSON, NumpyNdarray, Text

runner = bentoml.picklable_model.get("area:latest").to_runner()

svc = bentoml.Service("areas", runners=[runner])


@svc.api(input=NumpyNdarray(dtype="float32", shape=(-1, 2)), output=NumpyNdarray())
async def area(sides: np.ndarray) -> np.ndarray:
    return await runner.async_run(sides)


@svc.api(input=JSON(), output=JSON())
def describe(shape):
    return {"kind": shape["kind"], "sides": len(shape["sides"])}


@svc.api(input=Text(), output=Text(), route="/say/hello")
async def hello(name):
    return f"hello {name}"
