# Shows: a plain function saved as a model. 2026-11-21, written before the translator was read.
import bentoml
import numpy as np


def area(sides):
    sides = np.asarray(sides)
    return sides[:, 0] * sides[:, 1]


tag = bentoml.picklable_model.save_model("area", area, signatures={"__call__": {"batchable": True}}).tag
print(bentoml.models.get(tag).info.module)
