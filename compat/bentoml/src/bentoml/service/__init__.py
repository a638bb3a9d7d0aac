"""The name `service` of two generations: since 1.2 a decorator, in 0.13 a package whose modules people imported.

In: `from bentoml.service.artifacts.common import PickleArtifact`. Out: the package; its import makes it an attribute of
`bentoml`, in the place of the decorator, so the package is callable and decorates as well.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

from bentoml import services

# What 0.13 kept here, by where it lives now.
NAMES = {
    "BentoService": "bentoml.bundles.service",
    "BentoServiceArtifact": "bentoml.bundles.artifact",
    "BentoServiceEnv": "bentoml.bundles.environment",
    "api": "bentoml.apis",
}

__all__ = [*NAMES]  # noqa: PLE0604 - all are names


class Package(ModuleType):
    """A package that decorates a class when it is called."""

    __call__ = staticmethod(services.service)


def __getattr__(name: str) -> Any:
    """Import a name of 0.13 on first use."""
    if name not in NAMES:
        raise AttributeError(f"bentoml.service has no `{name}`")
    value = getattr(importlib.import_module(NAMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names."""
    return sorted(__all__)


sys.modules[__name__].__class__ = Package
