"""Check what a service says of its command: a server of another program.

In: `cmd` and `http.proxy_port`, as the user wrote them. Out: a `CommandSpec`. The program is said in code alone:
no file and no variable names one.
"""

from collections.abc import Mapping
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.spec import CommandSpec, Layout
from ekiben.services.checks import whole


def read_port(http: Any) -> int | None:
    """Check `http.proxy_port`, where the command listens; None where it is not said."""
    given = http.get("proxy_port") if isinstance(http, Mapping) else None
    return None if given is None else whole(given, "http.proxy_port", "a port", most=65535)


def settle(known: CommandSpec | None, words: tuple[str, ...], port: int | None) -> CommandSpec | None:
    """Put together what is said of the command.

    Args:
        known: what the class or the options before said; without words, the method `__command__` gives them.
        words: of `cmd`.
        port: of `http.proxy_port`.

    Raises:
        ConfigError: there is a port and no command.
    """
    is_method = known is not None and not known.words
    if not is_method and not words:
        if port is not None:
            raise ConfigError(
                f"`http.proxy_port` is where a command listens, and there is none: {port}",
                hint="leave it out, or say the command by `cmd`",
            )
        return None
    return CommandSpec(() if is_method else words, CommandSpec().port if port is None else port)


def check_place(workers: int | str, layout: Layout | None) -> None:
    """Hold a service with a command to one process; raises ConfigError."""
    if workers != 1:
        raise ConfigError(
            f"`workers` must be 1 with `cmd`, whose port only one process can have: {workers!r}",
            hint="let the command itself use more processes",
        )
    if layout not in (None, Layout.INLINE):
        raise ConfigError(f"`layout` must be inline with `cmd`, which runs once: '{layout}'", hint="leave it out")
