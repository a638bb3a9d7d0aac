"""Say more about a value than its type does: markers for `Annotated[...]`."""

from ekiben.schema.annotations import ContentType, DataframeSchema, DType, Shape

__all__ = ["ContentType", "DType", "DataframeSchema", "Shape"]
