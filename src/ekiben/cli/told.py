"""Read what options of `ekiben serve` say.

They say how to listen, and set options of a service.

In: the options that were typed. Out: a `Listen`; layers of options, each with the option or variable that said it.
"""

import os
import ssl
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ekiben.cli.command import VariableOption
from ekiben.cli.errors import Mistake
from ekiben.cli.session import session_of
from ekiben.cli.sockets import is_given

if TYPE_CHECKING:
    from ekiben.core.config import Layer
    from ekiben.core.spec import TlsSpec
    from ekiben.http.listen import Listen

VERSIONS = (int(ssl.PROTOCOL_TLS_SERVER),)  # that `ssl.version` may be
CERTIFICATES = ("none", "optional", "required")  # in the order of ssl.CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED


class Certificates(click.Choice[str]):
    """Whether certificates are asked for.

    It is said by a word, or by its number in Python's `ssl`.
    """

    def __init__(self) -> None:
        super().__init__(CERTIFICATES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Give the word."""
        if isinstance(value, str) and value.isdecimal() and int(value) < len(CERTIFICATES):
            return CERTIFICATES[int(value)]
        return str(super().convert(value, param, ctx))


def read_listen(ctx: click.Context, options: dict[str, Any]) -> "Listen":
    """Read how to listen; raises Mistake for options that contradict each other."""
    from ekiben.http.listen import Listen

    named = [name for name in ("host", "port") if is_given(ctx, name)]
    for other in ("uds", "fd"):
        if options[other] is not None:
            if named:
                raise Mistake(f"`--{other}` stands in place of `--{named[0]}`", ctx, hint=f"leave `--{named[0]}` out")
            named.append(other)
    return Listen(
        host=options["host"],
        port=options["port"],
        uds=options["uds"],
        fd=options["fd"],
        tls=read_tls(ctx, options),
        proxy_headers=options["proxy_headers"],
        forwarded_allow_ips=options["forwarded_allow_ips"],
        lane=options["lane"],
        drain=options["drain"],
        keep_alive=options["keep_alive"],
    )


def read_tls(ctx: click.Context, options: dict[str, Any]) -> "TlsSpec | None":
    """Read the options of TLS; raises Mistake where there is no certificate."""
    from ekiben.core.spec import TlsSpec

    given = {name: value for name, value in options.items() if name.startswith("ssl_") and value is not None}
    if not given:
        return None
    if "ssl_certfile" not in given:
        option = "--" + next(iter(given)).replace("_", "-")
        raise Mistake(f"`{option}` needs a certificate", ctx, hint="name it by --ssl-certfile")
    version, reqs = given.pop("ssl_version", None), given.pop("ssl_cert_reqs", None)
    if version not in (None, *VERSIONS):
        raise Mistake(
            f"`--ssl-version` must be {VERSIONS[0]}, with which both sides agree on 1.2 or newer: {version}",
            ctx,
            hint="leave it out",
        )
    plain = {name.removeprefix("ssl_"): value for name, value in given.items()}
    return TlsSpec(**plain, cert_reqs=None if reqs is None else CERTIFICATES.index(reqs))


# What options set of a service; --no-access-log and TLS are written otherwise than there.
SET_BY = {
    "timeout": "traffic.timeout",
    "host": "http.host",
    "port": "http.port",
    "workers": "workers",
    "layout": "layout",
    "watch_models": "watch_models",
    "backlog": "backlog",
}


def typed(ctx: click.Context) -> "Iterator[Layer]":
    """Give the options of the service that the command line sets.

    A variable that the command reads counts as its option.
    """
    from ekiben.core.config import Layer, said

    for name, path in SET_BY.items():
        value = ctx.params[name]
        if is_given(ctx, name):
            number = name == "workers" and value.isdecimal()
            yield said(path.split("."), int(value) if number else value, source_of(ctx, name))
    if ctx.params["no_access_log"]:
        yield said(("logging", "access", "enabled"), False, "--no-access-log")
    tls = read_tls(ctx, ctx.params)
    if tls is not None:
        yield Layer({"ssl": {"enabled": True, "version": None, **asdict(tls)}}, {
            f"ssl.{key}": source_of(ctx, f"ssl_{key}") for key, value in asdict(tls).items() if value is not None
        })  # fmt: skip


def source_of(ctx: click.Context, name: str) -> str:
    """Say which option or variable gave a parameter its value."""
    option = next(each for each in ctx.command.params if each.name == name)
    if ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT and isinstance(option, VariableOption):
        return next(each for each in option.names_of(session_of(ctx).front) if os.environ.get(each))
    return option.opts[-1]
