"""The image of a service, by BentoML's names."""

from ekiben.services.image import Image

__all__ = ["Image", "PythonImage"]

PythonImage = Image  # as 1.3 called it
