"""Services with BentoML's habits on the wire.

In: a class, as for `ekiben.service`. Out: the same, whose spec carries BentoML's style, with what BentoML's services
offer beside it: `apis`, `inner`, `models`, `to_asgi`.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, overload

import ekiben
from bentoml.front import STYLE
from ekiben.core.spec import BoundService
from ekiben.services.classes import decorate

Class = TypeVar("Class", bound=type)


@overload
def service(cls: Class, /) -> Class: ...


@overload
def service(**options: Any) -> Callable[[Class], Class]: ...


def service(cls: Any = None, /, **options: Any) -> Any:
    """Make a class a service that answers as BentoML's do; the arguments are those of `ekiben.service`."""
    names = dict(sys._getframe(1).f_locals)  # so that annotations may name what is local to a function

    def make(target: Class) -> Class:
        made: Any = decorate(target, options, names=names)
        native: Callable[[], BoundService] = made.__ekiben_service__
        made.__ekiben_service__ = staticmethod(lambda: restyle(native()))
        offered = {
            "apis": Asked(lambda: {endpoint.name: endpoint for endpoint in native().spec.endpoints}),
            "inner": made,
            "models": Asked(lambda: [model.resolved or model.tag for model in native().spec.models]),
            "to_asgi": staticmethod(lambda: ekiben.to_asgi(made)),
        }
        for name, value in offered.items():
            if name not in vars(made):
                setattr(made, name, value)
        return target

    return make if cls is None else make(cls)


class Asked:
    """An attribute that is worked out when somebody asks: a model may come later than its class."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    def __get__(self, instance: object | None, owner: type) -> Any:
        """Give what it is now."""
        return self._work()


def restyle(bound: BoundService) -> BoundService:
    """Give the service in BentoML's style."""
    return replace(bound, spec=replace(bound.spec, style=STYLE))
