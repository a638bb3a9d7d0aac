"""The inputs and outputs of APIs of the generations 1.0 to 1.3, as objects.

In: nothing. Out: `NumpyNdarray`, `JSON`, `Text` and their like; each gives hints that `ekiben.schema` plans by.
"""

from bentoml.io.arrays import NumpyNdarray
from bentoml.io.base import IODescriptor, from_spec
from bentoml.io.data import JSON, DefaultJsonEncoder
from bentoml.io.events import SSE
from bentoml.io.files import File
from bentoml.io.forms import Multipart
from bentoml.io.frames import PandasDataFrame, PandasSeries
from bentoml.io.images import Image
from bentoml.io.text import Text

__all__ = [
    "JSON",
    "SSE",
    "DefaultJsonEncoder",
    "File",
    "IODescriptor",
    "Image",
    "Multipart",
    "NumpyNdarray",
    "PandasDataFrame",
    "PandasSeries",
    "Text",
    "from_spec",
]
