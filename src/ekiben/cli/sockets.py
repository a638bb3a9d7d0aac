"""Open the sockets of `ekiben serve`, by its options and what the service says.

In: options, a service. Out: open sockets, or words that say why not.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ekiben.cli.reload import Inherited

if TYPE_CHECKING:
    from ekiben.core.errors import ConfigError
    from ekiben.core.spec import BoundService
    from ekiben.http.listen import Listen, Listening


def is_given(ctx: click.Context, name: str) -> bool:
    """Say whether an option was typed, or set by a variable."""
    return ctx.get_parameter_source(name) in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def open_sockets(ctx: click.Context, listen: "Listen") -> "Listening | ConfigError":
    """Open the sockets before anything slow happens.

    Returns:
        The error where the default port is taken: the service may yet name another one.
    """
    from ekiben.core.errors import ConfigError
    from ekiben.http.listen import bind

    given = ctx.params["inherit"]
    if given is not None:
        inherited = Inherited.parse(given)
        inherited.hold()
        return inherited.listening()
    try:
        return bind(listen)
    except ConfigError as error:
        if is_given(ctx, "port") or listen.uds is not None or listen.fd is not None:
            raise
        return error


def settle(
    ctx: click.Context, bound: "BoundService", listen: "Listen", early: "Listening | ConfigError"
) -> "Listening":
    """Listen where the service says, as far as no option says another.

    Raises:
        ConfigError: the port is taken; or the service's own port was not that of the process that watches.
    """
    from ekiben.core.errors import ConfigError
    from ekiben.http.listen import bind

    http, wanted = bound.spec.http, listen
    if listen.uds is None and listen.fd is None:
        if http.host is not None and not is_given(ctx, "host"):
            wanted = replace(wanted, host=http.host)
        if not is_given(ctx, "port"):
            wanted = replace(wanted, port=bound.spec.style.default_port if http.port is None else http.port)
    if wanted == listen:
        if isinstance(early, ConfigError):
            raise early
        return early
    if ctx.params["inherit"] is not None:
        raise ConfigError(
            f"`--reload` cannot take host and port from the service: {wanted.host}:{wanted.port}",
            hint=f"add `--host {wanted.host} --port {wanted.port}`",
        )
    if not isinstance(early, ConfigError):
        early.close()
    return bind(wanted)
