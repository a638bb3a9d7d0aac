"""Check `auth`: who may call a service.

In: the option, as the user wrote it. Out: an `AuthSpec`, in which a token is a digest, or the name of the variable or
the file that holds it. No error and no spec shows a token.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ekiben.core.errors import ConfigError
from ekiben.core.spec import AuthSpec, TokenSpec
from ekiben.core.token import digest
from ekiben.services.checks import block, flag, text, texts

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SOURCES = ("token", "env", "file")


class Token(TypedDict, total=False):
    """One of `auth.tokens`: exactly one of `token`, `env` and `file`."""

    token: str
    env: str
    file: str
    name: str
    endpoints: Sequence[str]


class Auth(TypedDict, total=False):
    """`auth`: who may call."""

    tokens: Sequence[Token]
    metrics: bool


def read_auth(auth: Any) -> AuthSpec | None:
    """Check `auth={"tokens": ["$MY_TOKEN"], "metrics": True}`.

    Raises:
        ConfigError: it is something else; the error shows no token.
    """
    if auth is None:
        return None
    if not isinstance(auth, Mapping):
        raise ConfigError(f"`auth` must be a mapping: {kind(auth)}", hint='write `auth={"tokens": ["$MY_TOKEN"]}`')
    given = block(auth, "auth", ("tokens", "metrics"))
    tokens = given.get("tokens") or ()
    if isinstance(tokens, str | Mapping):
        tokens = (tokens,)
    if not isinstance(tokens, Sequence):
        raise ConfigError(f"`auth.tokens` must be a list of tokens: {kind(tokens)}", hint='write `["$MY_TOKEN"]`')
    found = tuple(read_token(token, f"auth.tokens[{index}]") for index, token in enumerate(tokens))
    return AuthSpec(found, flag(given.get("metrics") or False, "auth.metrics"))


def read_token(given: Any, path: str) -> TokenSpec:
    """Check one token: its text, `$NAME`, or a mapping."""
    if isinstance(given, str):
        given = {"token": given}
    if not isinstance(given, Mapping):
        raise ConfigError(f"`{path}` must be text or a mapping: {kind(given)}", hint='write `"$MY_TOKEN"`')
    values = block(given, path, (*SOURCES, "name", "endpoints"))
    said = [source for source in SOURCES if values.get(source) is not None]
    if len(said) != 1:
        raise ConfigError(
            f"`{path}` must have one of `token`, `env` and `file`: {' and '.join(said) or 'none'}",
            hint='write {"env": "MY_TOKEN"}',
        )
    (source,) = said
    value = values[source]
    if not isinstance(value, str):
        raise ConfigError(f"`{path}.{source}` must be text: {kind(value)}")
    endpoints = values.get("endpoints")
    may = None if endpoints is None else texts(endpoints, f"{path}.endpoints", '["predict"]')
    name = text(values.get("name") or path, f"{path}.name")
    if source == "token" and value.startswith("$"):
        source, value = "env", value[1:].removeprefix("{").removesuffix("}")
    if source == "env" and not VARIABLE.fullmatch(value):
        raise ConfigError(f"`{path}.env` must be the name of an environment variable", hint='write `"$MY_TOKEN"`')
    if source == "token":
        return TokenSpec(name, digest=digest(value, f"`{path}`").hex(), endpoints=may)
    return TokenSpec(name, **{source: value}, endpoints=may)


def kind(value: Any) -> str:
    """Name the type of what may be a secret."""
    return type(value).__name__
