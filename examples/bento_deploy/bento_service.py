"""Serve the classifier, as code for BentoML 0.13 does."""

import pandas as pd
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import DataframeInput
from bentoml.frameworks.sklearn import SklearnModelArtifact


@env(infer_pip_packages=True)
@artifacts([SklearnModelArtifact("model")])
class IrisClassifier(BentoService):
    """Names iris flowers by their measures."""

    @api(input=DataframeInput(), batch=True)
    def predict(self, df: pd.DataFrame):
        """Give the number of each flower's species: 0 setosa, 1 versicolor, 2 virginica."""
        return self.artifacts.model.predict(df)
