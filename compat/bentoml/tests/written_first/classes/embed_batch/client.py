# Shows: arrays through the client, from several threads. 2026-11-21, written before the translator was read.
import sys
from concurrent.futures import ThreadPoolExecutor

import bentoml
import numpy as np

with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    print(np.asarray(client.encode(sentences=["red red", "blue"])).tolist())
    print(np.asarray(client.norm(vectors=np.array([[3.0, 4.0, 0.0]], dtype="float32"))).tolist())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.encode(sentences=["green " * n]), range(16)))
    print([int(np.asarray(answer)[0][1]) for answer in answers] == list(range(16)))
    print(client.within_limit())
