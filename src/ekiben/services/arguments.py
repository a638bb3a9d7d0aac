"""Give a service's module the arguments that it is served or built with.

In: names and values from a command, a file or a build. Out: for the module, a record of them, or an object that has
them as attributes. They stand in the environment, so that every process that loads the module anew has the same.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ValidationError

from ekiben.core.errors import ConfigError

VARIABLE = "EKIBEN_ARGS"  # a JSON object

Model = TypeVar("Model", bound=BaseModel)


@overload
def use_arguments(model: type[Model], /) -> Model: ...


@overload
def use_arguments(model: None = None, /) -> SimpleNamespace: ...


def use_arguments(model: type[BaseModel] | None = None, /) -> Any:
    """Give the arguments that this service is served or built with.

        class Args(BaseModel):
            threshold: float = 0.5

        args = ekiben.use_arguments(Args)

    Args:
        model: a pydantic model, which checks them and has the defaults; None gives them as attributes, as they came.

    Raises:
        ConfigError: an argument is missing, unknown to a model that forbids that, or not of its type.
    """
    given = arguments()
    if model is None:
        return SimpleNamespace(**given)
    asked: Any = model
    if not (isinstance(asked, type) and issubclass(asked, BaseModel)):
        raise ConfigError(f"`use_arguments` takes a pydantic model, or nothing: {asked!r}")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]) or model.__name__
        raise ConfigError(
            f"the argument `{name}` of {model.__name__} is wrong: {first['msg']}", hint=f"give it: --arg {name}=…"
        ) from error


def arguments(env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Read the arguments of this process.

    Raises:
        ConfigError: the variable holds something else.
    """
    text = env.get(VARIABLE)
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"`{VARIABLE}` must hold a JSON object: {text!r}", hint="give arguments by --arg NAME=VALUE")
    return found


def check(given: Any) -> dict[str, Any]:
    """Check arguments, and give them as plain data.

    Raises:
        ConfigError: they are no mapping of names to JSON.
    """
    plain = given.model_dump(mode="json") if isinstance(given, BaseModel) else given
    if not isinstance(plain, Mapping | None) or not all(
        isinstance(name, str) and name.isidentifier() for name in plain or ()
    ):
        raise ConfigError(f"`args` must be a mapping of names to values: {given!r}", hint='write `{"threshold": 0.5}`')
    try:
        found: dict[str, Any] = json.loads(json.dumps(dict(plain or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"`args` must hold what JSON has: {error}") from error
    return found


@contextmanager
def giving(given: Any, *, below: bool = False) -> Iterator[None]:
    """Let what this block loads, and its processes, have more arguments.

    Args:
        given: a mapping, a pydantic model, or None for no more.
        below: they count only where nothing else is said.

    Raises:
        ConfigError: they are no arguments.
    """
    added, before = check(given), os.environ.get(VARIABLE)
    if not added:
        yield
        return
    known = arguments()
    os.environ[VARIABLE] = json.dumps({**added, **known} if below else {**known, **added})
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def handed_on() -> dict[str, str]:
    """Give the variable for a process that loads the same module later."""
    return {VARIABLE: os.environ[VARIABLE]} if os.environ.get(VARIABLE) else {}
