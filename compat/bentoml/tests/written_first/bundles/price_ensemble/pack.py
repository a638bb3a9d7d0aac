# Shows: metadata of an artifact, a version and labels given by hand.
# 2026-11-21, written before the translator was read.
import lightgbm as lgb
import numpy as np
import pandas as pd
from price_service import PriceEnsemble
from sklearn.linear_model import LinearRegression

size = np.arange(100, dtype=float)
frame = pd.DataFrame({"size": size})
price = 3.0 * size

line = LinearRegression().fit(frame, price)
trees = lgb.train({"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 1}, lgb.Dataset(frame, price), 5)

service = PriceEnsemble()
service.pack("line", line, metadata={"r2": 1.0, "rows": 100})
service.pack("trees", trees)
service.pack("clip", (0.0, 200.0))
service.pack("settings", {"weight": 1.0, "currency": "EUR"})
service.set_version("2021.07.spring")
path = service.save(labels={"team": "pricing", "stage": "test"})

print("metadata", service.artifacts.get("line").metadata)
print("tag", service.tag)
