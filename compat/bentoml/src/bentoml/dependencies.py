"""Name the services that a service calls, as BentoML does.

In: a service, or the address of one. Out: a class attribute, as `ekiben.depends` makes it.
"""

from typing import Any, Generic, TypeVar, cast, overload

import ekiben
from bentoml.refusals import CLOUD
from ekiben.core.errors import ConfigError
from ekiben.services.depends import Depends

__all__ = ["Dependency", "depends"]

T = TypeVar("T")


class Dependency(Depends, Generic[T]):
    """The class attribute that `depends` makes."""

    def get(self) -> Any:
        """Give a handle outside of any service: an instance made here; raises ConfigError for an address."""
        return self.__get__(type("Holder", (), {})())


@overload
def depends(on: type[T]) -> T: ...


@overload
def depends(on: Any = None, *, url: str | None = None, deployment: None = None, cluster: None = None) -> Any: ...


def depends(
    on: Any = None, *, url: str | None = None, deployment: str | None = None, cluster: str | None = None
) -> Any:
    """Name another service that this one calls.

    Args:
        on: the service; on an instance the attribute has its methods, and `to_async` and `to_sync`.
        url: or the address of a server that runs it. Together with *on* the address holds.
        deployment: refused: there is no cloud.
        cluster: the same.

    Raises:
        ConfigError: neither is given, *on* is no service, or there would have to be a cloud.
    """
    for name, value in (("deployment", deployment), ("cluster", cluster)):
        if value is not None:
            raise ConfigError(f"`{name}` names something of {CLOUD}: {value!r}", hint="name the server by `url`")
    made: Any = ekiben.depends(on) if url is None else ekiben.depends(url=url)
    found: Dependency[Any] = Dependency(made.on, made.url, made.token)
    return cast(Any, found)
