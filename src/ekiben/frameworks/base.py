"""What a framework's file offers, and what it hands back.

In: a model object. Out: files in a folder, and the few facts that loading needs.
A framework is a module with `NAME`, `LIBRARY`, `PACKAGES`, and the verbs `owns`, `save`, `load`, `methods`; where
methods that it does not list are called in a way of its own, too, `any_method`.
"""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from ekiben.core.errors import ConfigError
from ekiben.store.models import ModelInfo


@dataclass(frozen=True, slots=True)
class Saved:
    """What `save` did."""

    format: str  # of the main file: "skops", "joblib", "keras" ...
    needs_unpickling: bool
    options: Mapping[str, Any] = field(default_factory=dict)  # kept in model.yaml, given back to `load`
    versions: Mapping[str, str] = field(default_factory=dict)  # of distributions that this model needs beside PACKAGES


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a model that can be served."""

    batchable: bool | None = False  # None: if the sample shows that rows stay rows
    batch_dim: tuple[int, int] = (0, 0)
    quiet: Mapping[str, Any] = field(default_factory=dict)  # keywords for a call that shows nothing
    call: Callable[[Any, Any], Any] | None = None  # of model and value, where the model's own takes no plain value
    refusals: tuple[type[Exception], ...] = ()  # what says that a value is wrong, beside ValueError and TypeError

    def of(self, model: Any, name: str) -> Callable[..., Any]:
        """Give the function of one value that serves the method *name* of *model*."""
        if self.call is not None:
            return functools.partial(self.call, model)
        found: Callable[..., Any] = getattr(model, name)
        return found

    def to_yaml(self) -> dict[str, Any]:
        """Give the form that stands under `signatures` in model.yaml."""
        return {"batchable": bool(self.batchable), "batch_dim": list(self.batch_dim)}


class Framework(Protocol):
    """The verbs of one model library."""

    NAME: str
    LIBRARY: str  # what it imports
    PACKAGES: tuple[str, ...]  # distributions whose versions are kept

    def owns(self, model: Any) -> bool:
        """Say whether *model* is of this library, without importing it."""

    def save(self, model: Any, folder: Path, *, by_value: Sequence[ModuleType] = (), **options: Any) -> Saved:
        """Write *model* into *folder*; a pickle holds the modules *by_value* whole."""

    def load(self, folder: Path, info: ModelInfo, **options: Any) -> Any:
        """Read what `save` wrote."""

    def methods(self, model: Any) -> Mapping[str, Method]:
        """List the methods that are served by default."""


def check_options(verb: Callable[..., Any], framework: str, options: Mapping[str, Any]) -> None:
    """Refuse options that a framework's verb does not have.

    Raises:
        ConfigError: the error names the option, and those that there are.
    """
    parameters = inspect.signature(verb).parameters.values()
    known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "by_value"]
    for name in options:
        if name not in known:
            raise ConfigError(
                f"`{name}` is not an option of {framework}",
                hint=f"its options are: {', '.join(known)}" if known else "it has none",
            )


def method_of(verbs: Framework, model: Any, name: str) -> Method:
    """Say how a method is called: as listed, or as `any_method` says of all others."""
    listed = verbs.methods(model).get(name)
    if listed is not None:
        return listed
    made: Method = getattr(verbs, "any_method", lambda name: Method())(name)
    return made
