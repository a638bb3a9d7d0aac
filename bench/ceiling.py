"""Measure a model alone: how many rows a second no server can exceed.

In: the case, from BENCH_CASE; seconds. Out: one line of JSON. `bench/run.py` runs it on the core of the servers.
"""

import json
import sys
import time

import model
import numpy as np


def load(seconds: float) -> dict[str, float]:
    """Predict full batches for *seconds*."""
    predict = model.load()
    row = json.loads((model.folder() / ("row4.json" if model.KIND == "iris" else "row30.json")).read_bytes())[0]
    batch = np.asarray([row] * model.MAX_BATCH)
    for _ in range(5):
        predict(batch)
    times: list[float] = []
    start, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        begun = time.perf_counter()
        predict(batch)
        times.append((time.perf_counter() - begun) * 1e3)
    rows = len(times) * model.MAX_BATCH
    spent, cpu = time.perf_counter() - start, time.process_time() - cpu
    middle, worst = np.quantile(times, 0.5), np.quantile(times, 0.99)
    return {
        "requests": rows,
        "seconds": spent,
        "rps": rows / spent,
        "cpu_us": cpu / rows * 1e6,
        "p50_ms": float(middle),
        "p99_ms": float(worst),
        "errors": 0,
    }


if __name__ == "__main__":
    print("RESULT " + json.dumps(load(float(sys.argv[1]))))
