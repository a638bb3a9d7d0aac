"""Serve the stored model behind a runner, as code for BentoML 1.0 does."""

import bentoml
import numpy as np
from bentoml.io import NumpyNdarray

SPECIES = np.array(["setosa", "versicolor", "virginica"])

runner = bentoml.keras.get("flower_model:latest").to_runner()

svc = bentoml.Service("flower_classifier", runners=[runner])


@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def classify(flowers: np.ndarray) -> np.ndarray:
    """Name each flower."""
    chances = await runner.predict.async_run(flowers)
    return SPECIES[np.argmax(chances, axis=-1)]
