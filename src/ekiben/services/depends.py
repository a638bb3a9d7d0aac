"""Let one service call another.

In: a service class, or the address of a running server. Out: a class attribute that is, on an instance,
something with that service's methods.
"""

import inspect
from typing import Any, TypeVar, cast, overload
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService

T = TypeVar("T")


class Depends:
    """The class attribute that `depends()` makes."""

    def __init__(self, on: Any, url: str | None) -> None:
        self.on = on
        self.url = url
        self.attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the attribute's name."""
        self.attribute = name

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        """Give the handle; an instance made by hand gets one of its own."""
        if instance is None:
            return self
        if self.on is None:
            raise ConfigError(f"`{self.attribute}` is at {self.url} and is only reached from a served instance")
        handle = self.on()
        vars(instance)[self.attribute] = handle
        return handle


def in_order(bound: BoundService) -> list[BoundService]:
    """List a service after all that it depends on, each once.

    Of a stall are listed what its services depend on, and itself.

    Raises:
        ConfigError: they depend on each other in a circle; or two different ones bear one name.
    """
    found: dict[str, BoundService] = {}

    def visit(one: BoundService, path: tuple[str, ...]) -> None:
        name = one.spec.name
        if name in path:
            circle = " → ".join([*path[path.index(name) :], name])
            raise ConfigError(f"services must not depend on each other in a circle: {circle}")
        if name in found:
            if found[name].origin != one.origin:
                raise ConfigError(
                    f"two services are called `{name}`: {found[name].origin} and {one.origin}",
                    hint="give one of them another `name`",
                )
            return
        for bind in one.dependencies.values():
            visit(bind(), (*path, name))
        found[name] = one

    if not bound.services:
        visit(bound, ())
        return list(found.values())
    for bind in [bind for one in bound.services for bind in one.dependencies.values()]:
        visit(bind(), ())
    return [*found.values(), bound]


@overload
def depends(on: type[T]) -> T: ...


@overload
def depends(*, url: str) -> Any: ...


def depends(on: Any = None, *, url: str | None = None) -> Any:
    """Name another service that this one calls.

    Args:
        on: its class; on an instance the attribute has that class's methods.
        url: or the address of a server that runs it.

    Raises:
        ConfigError: neither or both are given, *on* is no service, or *url* is no address.
    """
    if (on is None) == (url is None):
        raise ConfigError("`depends` takes either a service class or `url`", hint="write `other = depends(Other)`")
    if on is not None and not (inspect.isclass(on) and "__ekiben_service__" in vars(on)):
        raise ConfigError(
            f"`depends` takes a class decorated with `@service`: {on!r}",
            hint=f"write `@ekiben.service` above `class {on.__name__}`" if inspect.isclass(on) else None,
        )
    if url is not None:
        parts = urlsplit(str(url))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"`url` must be the address of a server: {url!r}", hint="write http://localhost:3001")
    return cast(Any, Depends(on, url))
