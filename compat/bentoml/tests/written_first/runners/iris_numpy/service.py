# Shows: the service of the tutorial: a runner of a stored model, arrays in and out, with and without a shape.
# 2026-11-21, written before the translator was read.
import bentoml
import numpy as np
from bentoml.io import NumpyNdarray

iris_clf_runner = bentoml.sklearn.get("iris_clf:latest").to_runner()

svc = bentoml.Service("iris_classifier", runners=[iris_clf_runner])


@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
def classify(input_series: np.ndarray) -> np.ndarray:
    return iris_clf_runner.predict.run(input_series)


@svc.api(
    input=NumpyNdarray(dtype="float64", shape=(-1, 4), enforce_dtype=True, enforce_shape=True),
    output=NumpyNdarray(dtype="int64"),
    route="/v2/models/iris/predict",
)
async def classify_strict(flowers: np.ndarray) -> np.ndarray:
    """Refuses what is no flower."""
    return await iris_clf_runner.predict.async_run(flowers)


@svc.api(input=NumpyNdarray.from_sample(np.array([[4.9, 3.0, 1.4, 0.2]])), output=NumpyNdarray())
async def like_sample(flowers):
    return await iris_clf_runner.predict.async_run(flowers)
