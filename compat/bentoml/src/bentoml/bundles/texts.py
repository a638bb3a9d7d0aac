"""Inputs that are JSON or text."""

from typing import Any

from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.leaves import InputLeaf, JsonLeaf, TextLeaf


class JsonInput(BaseInputAdapter):
    """Give the function what a request holds as JSON, or a list of such with `batch=True`.

    Args:
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(self, http_input_example: Any = None) -> None:
        super().__init__(http_input_example)

    def leaf(self) -> InputLeaf:
        """Give what reads one input."""
        return JsonLeaf()


class StringInput(BaseInputAdapter):
    """Give the function a request's text, or a list of texts with `batch=True`.

    The text is read in the charset that the content type names, else as UTF-8.

    Args:
        http_input_example: an input, shown in the docs of the API.
    """

    def __init__(self, http_input_example: Any = None) -> None:
        super().__init__(http_input_example)

    def leaf(self) -> InputLeaf:
        """Give what reads one input."""
        return TextLeaf()
