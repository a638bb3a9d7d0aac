"""Ekiben under BentoML's names.

In: nothing; importing this loads no framework, no NumPy and no web server. Out: the public names, each on first use.
Which name stands for what is written in the modules that the table below points to.
"""

import importlib
from typing import Any

# Where each public name lives, by the generation of BentoML that brought it.
CLASSES = {  # 1.2 to 1.4: a service is a class
    "AsyncHTTPClient": "ekiben",
    "Bento": "bentoml.bentos",
    "Context": "ekiben",
    "Cookie": "ekiben",
    "Field": "pydantic",
    "Model": "ekiben",
    "SyncHTTPClient": "ekiben",
    "Tag": "ekiben",
    "api": "bentoml.apis",
    "asgi_app": "ekiben",
    "build": "bentoml.bentos",
    "delete": "bentoml.bentos",
    "depends": "ekiben",
    "export_bento": "bentoml.bentos",
    "get": "bentoml.bentos",
    "import_bento": "bentoml.bentos",
    "list": "bentoml.bentos",
    "on_deployment": "ekiben",
    "on_shutdown": "ekiben",
    "on_startup": "ekiben",
    "pull": "bentoml.bentos",
    "push": "bentoml.bentos",
    "serve": "bentoml.serving",
    "service": "bentoml.services",
    "task": "ekiben",
}
RUNNERS: dict[str, str] = {  # 1.0 and 1.1: a service is an object, and its models run in runners
    "Resource": "bentoml.legacy",
    "Runnable": "bentoml.legacy",
    "Runner": "bentoml.legacy",
    "Service": "bentoml.legacy",
    "Strategy": "bentoml.legacy",
}
BUNDLES = {  # 0.13: a service is a class that is packed with artifacts
    "BentoService": "bentoml.bundles.service",
    "artifacts": "bentoml.bundles.service",
    "env": "bentoml.bundles.service",
    "load_from_dir": "bentoml.bundles.loading",
    "save": "bentoml.bundles.loading",
    "save_to_dir": "bentoml.bundles.loading",
    "ver": "bentoml.bundles.service",
    "web_static_content": "bentoml.bundles.service",
}
NAMES = {**CLASSES, **RUNNERS, **BUNDLES}
MODULES = (
    "adapters",
    "artifact",
    "bentos",
    "catboost",
    "exceptions",
    "handlers",
    "io",
    "keras",
    "legacy",
    "lightgbm",
    "mlflow",
    "models",
    "onnx",
    "picklable_model",
    "sklearn",
    "types",
    "validators",
    "xgboost",
)

__all__ = [*NAMES, *MODULES, "__version__"]  # noqa: PLE0604 - all are names


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in MODULES:
        return importlib.import_module(f"bentoml.{name}")
    if name == "__version__":
        value = importlib.import_module("importlib.metadata").version("bentoml")
    elif name in NAMES:
        value = getattr(importlib.import_module(NAMES[name]), name)
    else:
        raise AttributeError(f"bentoml, as Ekiben stands in for it, has no `{name}`")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
