"""The service as for BentoML 1.0, where it is a runner that batches."""

import bentoml
import numpy as np
from bentoml.io import NumpyNdarray

PLAIN = bentoml.Service("doubler")


@PLAIN.api(input=NumpyNdarray(), output=NumpyNdarray())
def double(rows: np.ndarray) -> np.ndarray:
    """Double each number."""
    return rows * 2


class Doubling(bentoml.Runnable):
    """Doubles numbers."""

    SUPPORTED_RESOURCES = ("cpu",)
    SUPPORTS_CPU_MULTI_THREADING = True

    @bentoml.Runnable.method(batchable=True)
    def double(self, rows: np.ndarray) -> np.ndarray:
        """Double each number."""
        return rows * 2


runner = bentoml.Runner(Doubling, name="doubling", max_batch_size=16, max_latency_ms=5000)
BATCHED = bentoml.Service("doubler", runners=[runner])


@BATCHED.api(input=NumpyNdarray(), output=NumpyNdarray(), name="double", route="/double")
async def double_by_runner(rows: np.ndarray) -> np.ndarray:
    """Double each number."""
    return await runner.double.async_run(rows)
