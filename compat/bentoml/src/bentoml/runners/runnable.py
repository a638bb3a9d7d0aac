"""What a runner runs: a class with marked methods.

In: a class that derives from `Runnable`. Out: the same class, whose `methods_of` say what can be called and how.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, overload

from ekiben.core.errors import ConfigError

Function = TypeVar("Function", bound=Callable[..., Any])

NOTE = "__bentoml_runnable_method__"
ADDED = "__bentoml_added_methods__"
USUAL = "__bentoml_usual_method__"  # the method that a runner itself stands for, among several


@dataclass(frozen=True, slots=True)
class MethodOptions:
    """How one method of a runnable is called."""

    batchable: bool = False
    batch_dim: tuple[int, int] = (0, 0)  # of what goes in, of what comes out
    input_spec: Any = None
    output_spec: Any = None

    @classmethod
    def read(cls, batchable: Any, batch_dim: Any, input_spec: Any = None, output_spec: Any = None) -> "MethodOptions":
        """Check what a decorator was given; raises ConfigError."""
        if not isinstance(batchable, bool):
            raise ConfigError(f"`batchable` must be True or False: {batchable!r}")
        axes = (batch_dim, batch_dim) if isinstance(batch_dim, int) else batch_dim
        good = isinstance(axes, tuple | list) and len(axes) == len(("in", "out"))
        if not good or not all(isinstance(axis, int) and not isinstance(axis, bool) for axis in axes):
            raise ConfigError(f"`batch_dim` must be one axis, or one for input and one for output: {batch_dim!r}")
        return cls(batchable, (axes[0], axes[1]), input_spec, output_spec)


@dataclass(frozen=True, slots=True)
class RunnableMethod:
    """A method that a runner offers."""

    name: str
    function: Callable[..., Any]
    options: MethodOptions

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop."""
        return inspect.iscoroutinefunction(self.function) or inspect.isasyncgenfunction(self.function)

    @property
    def is_stream(self) -> bool:
        """Whether it is a generator."""
        return inspect.isgeneratorfunction(self.function) or inspect.isasyncgenfunction(self.function)


class Runnable:
    """The base class of what a runner runs, by methods marked with `Runnable.method`.

    `SUPPORTED_RESOURCES` names what it can use, `"cpu"` and `"nvidia.com/gpu"`; `SUPPORTS_CPU_MULTI_THREADING` says
    that one call uses several cores by itself.
    """

    SUPPORTED_RESOURCES: ClassVar[tuple[str, ...]] = ("cpu",)
    SUPPORTS_CPU_MULTI_THREADING: ClassVar[bool] = False

    @overload
    @staticmethod
    def method(function: Function, /) -> Function: ...

    @overload
    @staticmethod
    def method(
        *, batchable: bool = ..., batch_dim: int | tuple[int, int] = ..., input_spec: Any = ..., output_spec: Any = ...
    ) -> Callable[[Function], Function]: ...

    @staticmethod
    def method(
        function: Any = None,
        /,
        *,
        batchable: bool = False,
        batch_dim: int | tuple[int, int] = 0,
        input_spec: Any = None,
        output_spec: Any = None,
    ) -> Any:
        """Offer a method to callers.

        Args:
            function: the method, where the decorator stands without parentheses.
            batchable: calls are joined along `batch_dim`.
            batch_dim: the axis, or one of what goes in and one of what comes out.
            input_spec: kept as a note.
            output_spec: kept as a note.

        Raises:
            ConfigError: an option is not of its type, or a generator is batchable.
        """
        options = MethodOptions.read(batchable, batch_dim, input_spec, output_spec)

        def mark(target: Any) -> Any:
            if not callable(target):
                raise ConfigError(f"`Runnable.method` takes a method: {target!r}")
            check_stream(target, options)
            setattr(target, NOTE, options)
            return target

        return mark if function is None else mark(function)

    @classmethod
    def add_method(
        cls,
        method: Callable[..., Any],
        name: str,
        *,
        batchable: bool = False,
        batch_dim: int | tuple[int, int] = 0,
        input_spec: Any = None,
        output_spec: Any = None,
    ) -> None:
        """Add a function as a method of this class; the options are those of `method`."""
        options = MethodOptions.read(batchable, batch_dim, input_spec, output_spec)
        check_stream(method, options)
        added: Mapping[str, RunnableMethod] = vars(cls).get(ADDED, {})
        setattr(cls, ADDED, {**added, name: RunnableMethod(name, method, options)})
        setattr(cls, name, method)


def check_stream(function: Callable[..., Any], options: MethodOptions) -> None:
    """Refuse a generator whose calls would be joined; raises ConfigError."""
    if options.batchable and (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)):
        name = getattr(function, "__qualname__", function)
        raise ConfigError(f"`{name}` streams and cannot be batchable", hint="leave `batchable` out")


def methods_of(runnable: type) -> dict[str, RunnableMethod]:
    """List the methods that a class offers, those of base classes first.

    A method that overrides one of them stands in its place, with the same options unless it is marked itself.
    """
    found: dict[str, RunnableMethod] = {}
    for owner in reversed(runnable.__mro__):
        found |= vars(owner).get(ADDED, {})
        for name, value in vars(owner).items():
            options = getattr(value, NOTE, None)
            if options is None and name in found and inspect.isroutine(value):
                options = found[name].options
            if options is None:
                found.pop(name, None)
            else:
                found[name] = RunnableMethod(name, value, options)
    return found
