"""The service as BentoML 0.13 wrote it, in 2020: a class that its model is packed into."""

import numpy as np
import pandas as pd
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@env(infer_pip_packages=True)
@artifacts([SklearnModelArtifact("model")])
class IrisClassifier(BentoService):
    """Names iris flowers by their measures."""

    @api(input=DataframeInput(), batch=True)
    def classify(self, df: pd.DataFrame) -> np.ndarray:
        """Give the number of each flower's species."""
        return self.artifacts.model.predict(df.to_numpy())
