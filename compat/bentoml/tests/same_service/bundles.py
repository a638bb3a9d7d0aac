"""The service as for BentoML 0.13, where a frame stands for an array and a batch is what a function gets."""

import pandas as pd
from bentoml import BentoService, api
from bentoml.adapters import DataframeInput, JsonInput


class Doubler(BentoService):
    """Doubles numbers."""

    name = "doubler"

    @api(input=JsonInput(), batch=False)
    def double(self, rows):
        """Double each number."""
        return [[2 * number for number in row] for row in rows]


class BatchedDoubler(BentoService):
    """Doubles numbers."""

    name = "doubler"

    @api(input=DataframeInput(), batch=True, mb_max_batch_size=16, mb_max_latency=5000)
    def double(self, df: pd.DataFrame):
        """Double each number."""
        return (df * 2).to_numpy()


PLAIN, BATCHED = Doubler, BatchedDoubler
