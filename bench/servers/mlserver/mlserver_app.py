"""MLServer without its worker process: a runtime of its own, with the V2 protocol."""

import model
import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Bench(MLModel):
    """One model, or the mean of an array."""

    async def load(self) -> bool:
        """Load the model."""
        self.predict_rows = model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Decode, work, encode."""
        rows = NumpyCodec.decode_input(payload.inputs[0])
        found = [model.mean_of(rows)] if model.KIND == "array" else self.predict_rows(rows)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", np.asarray(found))])
