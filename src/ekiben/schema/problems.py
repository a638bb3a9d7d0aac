"""Turn pydantic's report into ours: each place, what it must be, what it was.

In: a `ValidationError` and the value that was read. Out: `InvalidInput`.
"""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from ekiben.core.errors import InvalidInput, Problem
from ekiben.schema.words import named, path_of

MOST = 100  # problems that are told; the rest is counted
SHOULD = re.compile(r"^[A-Z]\w+( items)? should ")
RAISED = re.compile(r"^(Value error|Assertion failed), ")  # by a validator of the user's, in its own words
TAIL = re.compile(r", (unable to|got |input is ).*$| after validation(?=,)")


NO_OBJECT = ("typed_dict_type", "dict_type", "model_type", "model_attributes_type", "dataclass_type")


def invalid(error: ValidationError, value: Any, *, is_root: bool = False) -> InvalidInput:
    """Make the error that answers the caller.

    Args:
        error: what pydantic found.
        value: the value that was read, as data; by it, names of union members are told from names of fields.
        is_root: the body is the value, so its fields are no parameters.
    """
    found = error.errors(include_url=False)
    problems = dict.fromkeys(problem(detail, value, is_root) for detail in found[:MOST])
    rest = [] if len(found) <= MOST else [Problem("", f"and {len(found) - MOST} more")]
    return InvalidInput(problems=[*problems, *rest], hint=hint(found, is_root))


def hint(found: Sequence[Any], is_root: bool) -> str | None:
    """Say what the body, or the one value that is wrong, should look like."""
    if len(found) == 1 and found[0].get("ctx", {}).get("hint"):
        return str(found[0]["ctx"]["hint"])
    is_whole = len(found) == 1 and not found[0]["loc"] and found[0]["type"] in NO_OBJECT
    return 'send the parameters by their names: {"name": value}' if is_whole and not is_root else None


def problem(detail: Any, value: Any, is_root: bool) -> Problem:
    """Say what one detail of the report means."""
    kind, place = detail["type"], detail["loc"]
    path = path_of(real_steps(place, value, keep_last=kind == "missing"))
    if kind == "missing":
        return Problem(path, "is required")
    if kind == "extra_forbidden":
        what = "field" if is_root or len(place) > 1 else "parameter"
        return Problem(path, f"there is no {what} of this name")
    if kind in NO_OBJECT:
        return Problem(path, f"must be an object, not {named(detail['input'])}")
    if kind == "json_invalid":
        return Problem("", detail["msg"].replace("Invalid JSON: ", "is not JSON: "))
    return Problem(path, words(detail))


def words(detail: Any) -> str:
    """Give the message as `must be ..., not ...`."""
    message: str = detail["msg"]
    if detail["type"] == "invalid_value":
        return message  # by one of our kinds, which has said it all
    if RAISED.match(message):
        return RAISED.sub("", message)
    if not SHOULD.match(message):
        return message[:1].lower() + message[1:]
    said = TAIL.sub("", SHOULD.sub("must ", message))
    return said if ", not " in said else f"{said}, not {named(detail['input'])}"


def real_steps(place: Sequence[int | str], value: Any, *, keep_last: bool) -> list[int | str]:
    """Leave out the steps that are not in the value, such as union members."""
    steps: list[int | str] = []
    for index, step in enumerate(place):
        is_last = keep_last and index == len(place) - 1
        if holds(value, step):
            value = value[step]
        elif step != "[key]" and not is_last:
            continue
        steps.append(step)
    return steps


def holds(value: Any, step: int | str) -> bool:
    """Say whether *value* has something at *step*."""
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list | tuple) and isinstance(step, int) and step < len(value)
