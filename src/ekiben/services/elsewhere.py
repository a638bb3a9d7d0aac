"""Serve one of several services here.

Those that it calls are served elsewhere.

In: a bound service, the name of the one that is meant, addresses by name. Out: that service, which asks the addresses.
So a service and what it depends on can run on machines of their own, from the same code.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService, Dependency
from ekiben.services.configure import every
from ekiben.services.depends import check_address


def parted(bound: BoundService, only: str | None, urls: Mapping[str, str]) -> BoundService:
    """Take a service apart from those that it depends on.

    Args:
        bound: the service.
        only: the name of the one that is meant, itself or one that it depends on; None: itself.
        urls: servers by the names of services that are not to run here.

    Raises:
        ConfigError: there is no service of such a name, or something is no address.
    """
    if only is None and not urls:
        return bound
    names = [one.spec.name for one in every(bound)]
    meant = bound if only is None else next((one for one in every(bound) if one.spec.name == only), None)
    if meant is None:
        raise ConfigError(f"`--only` must name one of {', '.join(names)}: {only!r}")
    for name, url in urls.items():
        if name not in {one.service for each in every(meant) for one in needed(each)}:
            raise ConfigError(
                f"`--depends` must name a service that {meant.spec.name} depends on: {name!r}",
                hint=f"it depends on {', '.join(sorted(set(names) - {meant.spec.name})) or 'none'}",
            )
        check_address(url, "--depends")
    return moved(meant, urls)


def needed(bound: BoundService) -> Iterator[Dependency]:
    """List what a service depends on by name, whose names are those that hold."""
    for each in bound.spec.dependencies:
        bind = bound.dependencies.get(each.attribute)
        if bind is not None:
            yield replace(each, service=bind().spec.name)


def moved(bound: BoundService, urls: Mapping[str, str]) -> BoundService:
    """Let a service, and those that it depends on, ask *urls*."""
    away = {each.attribute: urls[each.service] for each in needed(bound) if each.service and each.service in urls}
    spec = replace(
        bound.spec,
        dependencies=tuple(
            Dependency(each.attribute, url=away[each.attribute]) if each.attribute in away else each
            for each in bound.spec.dependencies
        ),
    )
    kept = {name: partial(again, bind, urls) for name, bind in bound.dependencies.items() if name not in away}
    gone = {name: bind for name, bind in bound.dependencies.items() if name in away}
    return replace(bound, spec=spec, dependencies=kept, elsewhere={**bound.elsewhere, **gone})


def again(bind: Callable[[], BoundService], urls: Mapping[str, str]) -> BoundService:
    """Bind a service that stays here, so that it asks *urls* too."""
    return moved(bind(), urls)
