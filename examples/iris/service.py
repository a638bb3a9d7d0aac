"""Name flowers by their measures."""

import numpy as np

import ekiben


@ekiben.service
class Iris:
    """Names flowers by their measures."""

    model = ekiben.models.get("iris")

    def __init__(self) -> None:
        self.svc = self.model.load_model()

    @ekiben.api
    def species(self, flowers: np.ndarray) -> list[str]:
        """Name each flower; a row holds length and width of sepal and petal, in cm."""
        return [("setosa", "versicolor", "virginica")[i] for i in self.svc.predict(flowers)]
