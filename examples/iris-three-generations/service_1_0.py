"""The service as BentoML 1.0 wrote it, in 2022: functions of a service that ask a runner."""

import bentoml
import numpy as np
from bentoml.io import NumpyNdarray

runner = bentoml.sklearn.get("iris_clf:latest").to_runner()

svc = bentoml.Service("iris_classifier", runners=[runner])


@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def classify(flowers: np.ndarray) -> np.ndarray:
    """Give the number of each flower's species."""
    return await runner.predict.async_run(flowers)
