# Shows: what the monitor wrote. 2026-11-21, written before the translator was read.
import json
import time
from pathlib import Path


def records():
    return [json.loads(line) for file in Path("watched_logs/flower_names/data").iterdir() for line in file.open()]


end = time.monotonic() + 20
while len(records()) < 2 and time.monotonic() < end:
    time.sleep(0.1)
first = records()[0]
print(first["petal length"], first["species"], "request_id" in first, "timestamp" in first)
