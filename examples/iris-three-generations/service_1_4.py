"""The service as BentoML 1.4 wrote it, in 2025: a class whose methods have types."""

import bentoml
import numpy as np
from bentoml.models import BentoModel


@bentoml.service(name="iris_classifier")
class IrisClassifier:
    """Names iris flowers by their measures."""

    model = BentoModel("iris_clf:latest")

    def __init__(self) -> None:
        self.classifier = bentoml.sklearn.load_model(self.model)

    @bentoml.api(batchable=True)
    def classify(self, flowers: np.ndarray, /) -> np.ndarray:
        """Give the number of each flower's species."""
        return self.classifier.predict(flowers)
