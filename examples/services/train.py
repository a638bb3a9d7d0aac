"""Submit a task and follow it: `ekiben serve training.py:Trainer`, then `python train.py`."""

import sys

from ekiben import SyncHTTPClient

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:3000"

with SyncHTTPClient(url, server_ready_timeout=30) as trainer:
    task = trainer.fit.submit(x=[1, 2, 3], y=[3, 5, 7], rounds=2000)
    known = task.id  # write it down, and go on another day

    task = trainer.fit.task(known)
    line = task.get(timeout=60)  # waits; without a timeout for as long as it takes
    print(task.status(), f"{task.progress:.0%}", round(line["slope"]), round(line["offset"]))
