"""The base class of records that hold arrays, frames, images or files.

In: nothing. Out: a pydantic model whose fields may be of every type that a service takes and gives.
"""

from pydantic import BaseModel, ConfigDict

__all__ = ["IODescriptor"]


class IODescriptor(BaseModel):
    """A record with fields of any type of a service; for hints, `input_spec` and `output_spec`."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
