"""Hold options to what they must be, and name by its path the one that is not.

In: a value and its path, such as `traffic.timeout`. Out: the value, or a ConfigError with a hint.
"""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from ekiben.core.errors import ConfigError


def block(value: Any, path: str, allowed: Collection[str], refused: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Give a mapping of options whose keys are all known; None is an empty one.

    Args:
        value: what the user gave.
        path: its name, or empty for the decorator's own options.
        allowed: the keys that work.
        refused: keys that are known and do not work, with the reason.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"`{path}` must be a mapping: {value!r}", hint=f"its options are: {', '.join(allowed)}")
    for key in value:
        name = f"{path}.{key}" if path else str(key)
        if refused is not None and key in refused:
            raise ConfigError(f"`{name}` is not supported by this version: {refused[key]}", hint=f"leave `{key}` out")
        if key not in allowed:
            near = difflib.get_close_matches(str(key), [*allowed, *(refused or ())], 1)
            hint = f"did you mean `{near[0]}`?" if near else "the options are: " + ", ".join(allowed)
            raise ConfigError(f"there is no option `{name}`", hint=hint)
    return dict(value)


def text(value: Any, path: str, what: str = "text") -> str:
    """Give a string."""
    if not isinstance(value, str):
        raise ConfigError(f"`{path}` must be {what}: {value!r}")
    return value


def texts(value: Any, path: str, example: str) -> tuple[str, ...]:
    """Give several strings; one alone stands for a list of one."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple | set | frozenset) or not all(isinstance(item, str) for item in given):
        raise ConfigError(f"`{path}` must be a list of text: {value!r}", hint=f"write `{path}={example}`")
    return tuple(sorted(given)) if isinstance(given, set | frozenset) else tuple(given)


def flag(value: Any, path: str) -> bool:
    """Give a boolean."""
    if not isinstance(value, bool):
        raise ConfigError(f"`{path}` must be True or False: {value!r}")
    return value


def whole(value: Any, path: str, unit: str, *, least: int = 1, most: int | None = None) -> int:
    """Give a whole number of at least *least*."""
    good = isinstance(value, int) and not isinstance(value, bool) and value >= least
    if not good or (most is not None and value > most):
        bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise ConfigError(f"`{path}` must be a whole number {bounds} ({unit}): {value!r}")
    return int(value)


def number(value: Any, path: str, unit: str, *, above: float | None = 0.0, example: float = 30) -> float:
    """Give a finite number above *above*; None admits any that is not negative."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    if not good or (value < 0 if above is None else value <= above):
        bound = "of 0 or more" if above is None else f"above {above:g}"
        raise ConfigError(f"`{path}` must be a number of {unit} {bound}: {value!r}", hint=f"write {example:g}")
    return float(value)


def url_path(value: Any, path: str, example: str, *, empty: bool = False) -> str:
    """Give a path of a URL without the slash at its end."""
    if empty and value == "":
        return ""
    plain = isinstance(value, str) and value.startswith("/") and value.isascii() and value.isprintable()
    if not plain or any(letter in value for letter in ' ?#%\\{}<>"') or "//" in value:
        raise ConfigError(f"`{path}` must be a path that begins with a slash: {value!r}", hint=f'write "{example}"')
    return str(value).rstrip("/")
