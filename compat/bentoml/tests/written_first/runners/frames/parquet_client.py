# Shows: a frame sent as Parquet.
# 2026-11-21, written before the translator was read.
import sys

import pandas as pd
import requests

frame = pd.DataFrame({"km": [1.0, 2.0], "zone": ["a", "b"]})
headers = {"Content-Type": "application/octet-stream"}
answer = requests.post(sys.argv[1] + "/fare", data=frame.to_parquet(), headers=headers, timeout=30)
print(answer.status_code, answer.json())
