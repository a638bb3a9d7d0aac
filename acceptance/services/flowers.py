"""Name the flower of the guide in Spanish; a test puts the version of its model into it."""

import bentoml
import numpy as np

FLOWERS = ("setosa", "versicolor", "virginica")


@bentoml.service(name="clasificador_iris")
class Flowers:
    stored = bentoml.keras.get("flower_model:VERSION")

    def __init__(self) -> None:
        self.model = self.stored.load_model()

    @bentoml.api
    def classify(self, rows: np.ndarray, /) -> str:
        return FLOWERS[int(np.argmax(self.model.predict(rows), axis=-1)[0])]


svc = Flowers
