"""Refuse a value at a place within it.

In: the place and the words. Out: pydantic's `ValidationError`, which a leaf may raise as any validator may.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError


def refuse(kind: str, place: Sequence[int | str], words: str, raw: Any = None, hint: str = "") -> NoReturn:
    """Raise ValidationError for *place*.

    Args:
        kind: the kind of value that was expected, such as `ndarray`.
        place: the steps from the value to what is wrong in it.
        words: what is wrong there.
        raw: what is there.
        hint: one thing to do about it.
    """
    error = PydanticCustomError("invalid_value", "{reason}", {"reason": words, "hint": hint})
    raise ValidationError.from_exception_data(kind, [InitErrorDetails(type=error, loc=tuple(place), input=raw)])
