"""Mark the methods of a class service as BentoML does.

In: a method, and BentoML's options. Out: the same method, as `ekiben.api` and `ekiben.task` leave it; on a served
class it also has `.local`.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import ekiben
from bentoml.options import api_options

__all__ = ["api", "on_deployment", "task"]


def api(function: Any = None, /, **options: Any) -> Any:
    """Make a method an endpoint; the options are BentoML's, and those of `ekiben.api`.

    Raises:
        ConfigError: an option is unknown, or not of its type.
    """
    return marked(ekiben.api, function, options)


def task(function: Any = None, /, **options: Any) -> Any:
    """Make a method a task; the options are BentoML's, and those of `ekiben.task`.

    Raises:
        ConfigError: an option is unknown, or not of its type.
    """
    return marked(ekiben.task, function, options)


def marked(mark: Callable[..., Any], function: Any, options: dict[str, Any]) -> Any:
    """Mark a method, or make what marks it."""
    return mark(function) if function is not None and not options else mark(function, **api_options(options))


def on_deployment(function: Any) -> Any:
    """Call a method once a deployment, before the first instance is made; it takes no `self`."""
    marked_one = ekiben.on_deployment(function)
    return staticmethod(marked_one) if inspect.isfunction(marked_one) else marked_one


class BoundMethod(functools.partial[Any]):
    """A method of an instance; its `local` is the same, as no call of it leaves the process."""

    @property
    def local(self) -> Callable[..., Any]:
        """The method itself."""
        return self


class Method:
    """A method of a class whose bound form has `.local`; otherwise it is as it was."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        """Give the function of a class, the bound method of an instance."""
        return self._function if instance is None else BoundMethod(self._function, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(*args, **kwargs)
