"""A service that a browser tries: a picture in, JSON out."""

from typing import Annotated

from PIL.Image import Image
from pydantic import BaseModel, Field

import ekiben
from ekiben.validators import ContentType


class Size(BaseModel):
    """Width and height of a picture."""

    width: int = Field(description="Pixels from left to right")
    height: int
    wanted: "Size | None" = None


@ekiben.service(name="pictures")
class Pictures:
    """Measures pictures."""

    @ekiben.api
    def measure(
        self, image: Annotated[Image, ContentType("image/jpeg")] = Field(description="Picture to measure")
    ) -> Annotated[str, ContentType("application/json")]:
        """Say how large a picture is."""
        return Size(width=image.width, height=image.height).model_dump_json()

    @ekiben.api
    def scale(self, size: Size, factor: float = 2.0) -> Size:
        """Make a size larger."""
        return Size(width=round(size.width * factor), height=round(size.height * factor))
