"""Mark methods as tasks: endpoints whose calls outlive their request.

In: a method of a class. Out: the same method, with a note that `services/classes` reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypedDict, Unpack, overload

from pydantic import BaseModel

from ekiben.services.checks import block, whole
from ekiben.services.methods import BATCHING, ApiOptions, Function, decorator
from ekiben.services.methods import read_options as read_api_options

ALLOWED = ("route", "name", "input_spec", "output_spec", "timeout", "max_attempts")
ALONE = "a task runs alone, in a process of its own"
REFUSED = {
    **dict.fromkeys(("batchable", *BATCHING), ALONE),
    "heartbeat": "a task does not stream",
    "media_type": "annotate the answer with `ContentType`",
}
ATTEMPTS = 3


class TaskKeywords(TypedDict, total=False):
    """The options of `@task`."""

    route: str | None
    name: str | None
    input_spec: type[BaseModel] | None
    output_spec: Any
    timeout: float | None  # seconds, from its start
    max_attempts: int


@overload
def task(function: Function, /) -> Function: ...


@overload
def task(**options: Unpack[TaskKeywords]) -> Callable[[Function], Function]: ...


def task(function: Any = None, /, **options: Any) -> Any:
    """Make a method a task: an endpoint whose calls outlive their request.

    A task is kept on the disk, runs in a process of its own, one after the other, and at least once: one that was
    running when its process or the server died is run again.

    Args:
        function: the method, when the decorator stands without parentheses.
        options: `route`, `name`, `input_spec` and `output_spec` as `@api` has them; `timeout` (seconds from its start,
            default: none); `max_attempts` (how often it may be started, default 3).

    Raises:
        ConfigError: an option is unknown, or not of its type.
    """
    return decorator("task", read_options, function, options)


def read_options(options: Mapping[str, Any]) -> ApiOptions:
    """Check what `@task` was given."""
    given = block(options, "", ALLOWED, REFUSED)
    most = whole(given.pop("max_attempts", ATTEMPTS), "max_attempts", "starts", most=1000)
    return replace(read_api_options(given), is_task=True, max_attempts=most)
