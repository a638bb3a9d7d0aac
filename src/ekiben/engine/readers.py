"""Make values again by the hints of the method that gives them.

In: what came from another process or another server. Out: instances of the classes that the hints name.
"""

from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from ekiben.schema.signature import EMPTY, Signature

PLAIN = (int, float, str, bytes, bool, type(None), complex, object)


def result_reader(signature: Signature) -> Callable[[Any], Any]:
    """Settle how an answer becomes what the hint says: records are made again."""
    return reader(signature.returns)


def piece_reader(signature: Signature) -> Callable[[Any], Any]:
    """Settle how a piece of a stream becomes what the hint says, if it says that."""
    hint = signature.returns
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    pieces = get_args(inner)
    return reader(pieces[0] if pieces else EMPTY)


def reader(hint: Any) -> Callable[[Any], Any]:
    """Settle how values of a settled hint are made again; what does not fit stays."""
    if hint is EMPTY or is_plain(hint):
        return lambda value: value
    validate = TypeAdapter(hint).validator.validate_python

    def read(value: Any) -> Any:
        try:
            return validate(value)
        except ValidationError:
            return value  # the method broke its own promise, which a plain call would not notice either

    return read


def is_plain(hint: Any) -> bool:
    """Say whether values of a settled hint come out of a parcel as they are."""
    if hint is Any or hint in PLAIN:
        return True
    if get_origin(hint) is Annotated:
        return is_plain(get_args(hint)[0])
    return get_origin(hint) in (list, dict, tuple, set, frozenset) and all(
        is_plain(part) for part in get_args(hint) if part is not Ellipsis
    )
