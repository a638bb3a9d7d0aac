"""A service to be asked: an array, a file, an image."""

from pathlib import Path

import numpy as np
from PIL.Image import Image

import ekiben


@ekiben.service
class Lunch:
    """Small things, for the examples of clients."""

    @ekiben.api
    def scale(self, x: np.ndarray, factor: float = 2.0) -> np.ndarray:
        """Multiply each number."""
        return x * factor

    @ekiben.api
    def count_words(self, text: Path) -> int:
        """Count the words of a text file."""
        return len(text.read_text().split())

    @ekiben.api
    def thumbnail(self, image: Image, width: int = 32) -> Image:
        """Make a small picture of a large one."""
        return image.resize((width, image.height * width // image.width))
