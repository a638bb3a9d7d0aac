"""Services with BentoML's habits on the wire.

In: a class, as for `ekiben.service`. Out: the same, whose spec carries BentoML's style.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, overload

from bentoml.front import STYLE
from ekiben.core.spec import BoundService
from ekiben.services.classes import service as ekiben_service

Class = TypeVar("Class", bound=type)


@overload
def service(cls: Class, /) -> Class: ...


@overload
def service(**options: Any) -> Callable[[Class], Class]: ...


def service(cls: Any = None, /, **options: Any) -> Any:
    """Make a class a service that answers as BentoML's do; the arguments are those of `ekiben.service`."""

    def make(target: Class) -> Class:
        made = ekiben_service(**options)(target)
        native: Callable[[], BoundService] = made.__ekiben_service__
        made.__ekiben_service__ = staticmethod(lambda: restyle(native()))
        return made

    return make if cls is None else make(cls)


def restyle(bound: BoundService) -> BoundService:
    """Give the service in BentoML's style."""
    style = replace(STYLE, server_header=f"BentoML Service/{bound.spec.name}")
    return replace(bound, spec=replace(bound.spec, style=style))
