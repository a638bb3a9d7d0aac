"""Serve the newest stored model: a picture in, the probability of each planet out.

Start it with `ekiben serve --working-dir src serve:Planets`.
"""

from typing import Annotated

from PIL.Image import Image
from pydantic import BaseModel, Field

import ekiben
from ekiben.validators import ContentType


class Answer(BaseModel):
    """What the model makes of a picture."""

    prediction: str
    probabilities: dict[str, float]


@ekiben.service(name="planets")
class Planets:
    """Tell which planet a picture shows."""

    stored = ekiben.keras.get("planets_model")

    def __init__(self) -> None:
        self.preprocess = self.stored.custom_objects["preprocess"]
        self.postprocess = self.stored.custom_objects["postprocess"]
        self.model = self.stored.load_model()

    @ekiben.api
    def predict(
        self, image: Annotated[Image, ContentType("image/*")] = Field(description="a picture of one planet")
    ) -> Answer:
        """Name the planet and give the probability of each class."""
        return Answer(**self.postprocess(self.model.predict(self.preprocess(image), verbose=0)))
