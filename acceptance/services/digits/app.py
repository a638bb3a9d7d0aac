"""Train on scikit-learn's digits and save; what serves is made by an object that loads the model by a name of its own.

It stands in for the template of the document, whose model is reached in the same roundabout way.
"""

import bentoml
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression


class Keeper:
    """Save and load under one name, and make the service."""

    def __init__(self, name: str) -> None:
        self.name = name

    def save_model(self) -> bentoml.Model:
        features, targets = load_digits(return_X_y=True, as_frame=True)
        return bentoml.sklearn.save_model(self.name, LogisticRegression(max_iter=10000).fit(features, targets))

    def load_model(self, version: str) -> None:
        self.model = bentoml.sklearn.get(f"{self.name}:{version}")

    def configure(self) -> None:
        stored = self.model

        @bentoml.service(name=self.name)
        class Digits:
            def __init__(self) -> None:
                self.estimator = stored.load_model()

            @bentoml.api
            def predict(self, rows: list[dict[str, float]], /) -> list[float]:
                return [float(digit) for digit in self.estimator.predict(pd.DataFrame(rows))]

        self.svc = Digits


keeper = Keeper("digits_classifier")

if __name__ == "__main__":
    print(keeper.save_model().tag)
