"""Set the environment variables that a service asks for, while it runs.

In: a service and its dependencies. Out: variables in this process; those that are set already win.
"""

import os
from collections.abc import Callable, Iterator

from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService


def enter(bound: BoundService) -> Callable[[], None]:
    """Set what `envs` names; give what takes it back.

    Raises:
        ConfigError: a variable has no value, neither in `envs` nor in the environment.
    """
    wanted = dict(variables(bound))
    missing = [name for name, value in wanted.items() if value is None and name not in os.environ]
    if missing:
        raise ConfigError(
            f"the service `{bound.spec.name}` needs the environment variable {', '.join(missing)}",
            hint=f"set it: {missing[0]}=…",
        )
    ours = {name: value for name, value in wanted.items() if value is not None and name not in os.environ}
    os.environ.update(ours)

    def leave() -> None:
        for name, value in ours.items():
            if os.environ.get(name) == value:
                del os.environ[name]

    return leave


def variables(bound: BoundService) -> Iterator[tuple[str, str | None]]:
    """Give names and values, of dependencies first."""
    for one in bound.services:
        yield from variables(one)
    for bind in bound.dependencies.values():
        yield from variables(bind())
    for env in bound.spec.envs:
        if env.get("stage", "all") != "build":
            yield env["name"], env.get("value")
