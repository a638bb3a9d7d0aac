"""Markers that say more about a value than its type does."""

from ekiben.validators import ContentType, DataframeSchema, DType, Shape

__all__ = ["ContentType", "DType", "DataframeSchema", "Shape"]
