"""Read the arguments of a service from the command line.

In: `--arg NAME=VALUE`, `--arg-file FILE`. Out: plain values by name; a pair stands over the file.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import click

from ekiben.cli.items import pair

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def argument_options(function: Decorated) -> Decorated:
    """Add `--arg` and `--arg-file`."""
    file = click.option(
        "--arg-file",
        type=click.Path(exists=True, dir_okay=False, resolve_path=True),
        metavar="FILE",
        help="YAML file of arguments for the service's code.",
    )
    one = click.option(
        "--arg",
        "args",
        multiple=True,
        metavar="NAME=VALUE",
        help="An argument for the service's code, over those of --arg-file and of the project.",
    )
    return one(file(function))


def given(options: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Let what is loaded have the arguments of the two options.

    Raises as `read_arguments`.
    """
    from ekiben.services.arguments import giving

    return giving(read_arguments(options["args"], options["arg_file"]))


def read_arguments(pairs: tuple[str, ...], file: str | None) -> dict[str, Any]:
    """Read what the two options say.

    Raises:
        BadParameter: a pair has no `=`.
        ConfigError: the file is no mapping of names to values.
    """
    found = {} if file is None else read_file(Path(file))
    return {**found, **read_pairs(pairs)}


def read_pairs(pairs: tuple[str, ...]) -> dict[str, Any]:
    """Read what `--arg` says; the value is text."""
    found = dict(pair(text, "--arg") for text in pairs)
    for name in found:
        if not name.isidentifier():
            raise click.BadParameter(f"must name an argument as Python names things: {name!r}", param_hint="--arg")
    return found


def read_file(path: Path) -> dict[str, Any]:
    """Read the file; its values are plain data, as YAML writes them."""
    from ekiben.core.errors import ConfigError, CorruptItem
    from ekiben.services.arguments import check
    from ekiben.store.document import read_document

    try:
        found: Mapping[str, Any] = read_document(path) if path.read_bytes().strip() else {}
    except CorruptItem as error:
        raise ConfigError(f"`--arg-file`: {error.message}", hint="write `NAME: value`, a line each") from error
    return check(found)
