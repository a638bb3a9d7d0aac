# Shows: a saved bundle loaded again, and its functions called without a server.
# 2026-11-21, written before the translator was read.
import sys

import bentoml
import pandas as pd

service = bentoml.load(sys.argv[1])
print(service.name, service.version)
print([api.name for api in service.inference_apis])
print(list(service.predict(pd.DataFrame({"size": [10.0, 99.0]}))))
