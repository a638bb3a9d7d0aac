"""Let one service call another.

In: a service class, or the address of a running server. Out: a class attribute that is, on an instance,
something with that service's methods.
"""

import inspect
import re
from typing import Any, TypeVar, cast, overload
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError
from ekiben.core.front import front
from ekiben.core.spec import BoundService
from ekiben.core.token import bearer

SERVICE = "__ekiben_service__"  # the method that makes any object a service
T = TypeVar("T")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Depends:
    """The class attribute that `depends()` makes."""

    def __init__(self, on: Any, url: str | None, token: str | None = None) -> None:
        self.on = on
        self.url = url
        self.token = token
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
def depends(*, url: str, token: str | None = None) -> Any: ...


def depends(on: Any = None, *, url: str | None = None, token: str | None = None) -> Any:
    """Name another service that this one calls.

    Args:
        on: its class; on an instance the attribute has that class's methods.
        url: or the address of a server that runs it.
        token: what that server asks its callers for: the text, or `$NAME` for what an environment variable holds when
            the service starts. No description of the service shows it.

    Raises:
        ConfigError: neither or both are given, *on* is no service, *url* is no address, or *token* no token.
    """
    if (on is None) == (url is None):
        raise ConfigError("`depends` takes either a service class or `url`", hint="write `other = depends(Other)`")
    if on is not None and not is_service(on):
        raise ConfigError(
            f"`depends` takes a class decorated with `@service`: {on!r}",
            hint=f"write `@{front().program}.service` above `class {on.__name__}`" if inspect.isclass(on) else None,
        )
    if url is not None:
        check_address(url, "url")
    if token is not None:
        check_token(token, url)
    return cast(Any, Depends(on, url, token))


def is_service(value: Any) -> bool:
    """Say whether *value* is a service; a class that inherits from one is not yet."""
    return SERVICE in vars(value) if inspect.isclass(value) else hasattr(value, SERVICE)


def check_address(url: Any, name: str) -> str:
    """Give the address of a server; raises ConfigError for anything else."""
    parts = urlsplit(str(url))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"`{name}` must be the address of a server: {url!r}", hint="write http://localhost:3001")
    return str(url)


def check_token(token: Any, url: str | None) -> None:
    """Refuse what names no token; raises ConfigError, which shows none."""
    if url is None:
        raise ConfigError("`token` is for a server that is named by `url`", hint="leave it out")
    if not isinstance(token, str):
        raise ConfigError(f"`token` must be text: {type(token).__name__}", hint='write `token="$SCORER_TOKEN"`')
    if not token.startswith("$"):
        bearer(token)
    elif not VARIABLE.fullmatch(token[1:]):
        raise ConfigError("`token` must name a variable behind its $", hint='write `token="$SCORER_TOKEN"`')
