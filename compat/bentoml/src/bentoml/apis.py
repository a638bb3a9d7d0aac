"""Mark a method as an endpoint, as BentoML 0.13 or as 1.4 writes it.

In: `@api`, `@api(route="/x")`, or `@api(input=DataframeInput(), batch=True)`. Out: the same method, with the note of
its generation. The options tell which one is meant; `svc.api(input=…, output=…)` of 1.0 is a method of its service.
"""

from collections.abc import Callable
from typing import Any, TypeVar, overload

from bentoml.bundles.apis import OPTIONS, inference_api
from bentoml.methods import api as native

__all__ = ["api"]

Function = TypeVar("Function", bound=Callable[..., Any])

OLD = frozenset(OPTIONS) - {"route"}  # options by which 0.13 is known


@overload
def api(function: Function, /) -> Function: ...


@overload
def api(**options: Any) -> Callable[[Function], Function]: ...


def api(function: Any = None, /, **options: Any) -> Any:
    """Make a method an endpoint; options of 0.13 make it one of a `BentoService`.

    Args:
        function: the method, when the decorator stands without parentheses.
        options: `input`, `output`, `batch`, `api_name`, `api_doc`, `route`, `mb_max_batch_size` and `mb_max_latency`
            as in 0.13; or those of `ekiben.api`.

    Raises:
        ConfigError: an option is unknown, or not of its type.
    """
    if OLD & options.keys() or is_adapter(function):
        return inference_api(function, **options)
    return native(function, **options)


def is_adapter(value: Any) -> bool:
    """Say whether a class stands where 0.12 took one: `@api(DataframeHandler)`."""
    return isinstance(value, type) and hasattr(value, "extract_user_func_args")
