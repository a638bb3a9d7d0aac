# Shows: a runner and a service tried without a server. 2026-11-21, written before the translator was read.
import asyncio

import bentoml
import numpy as np

runner = bentoml.picklable_model.get("area:latest").to_runner()
runner.init_local(quiet=True)
print(runner.run(np.array([[2.0, 3.0]])).tolist())
print(asyncio.run(runner.async_run(np.array([[4.0, 5.0]]))).tolist())

svc = bentoml.load("service:svc")
print(svc.name, sorted(svc.apis))
