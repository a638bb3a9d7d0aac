"""Ekiben under BentoML's names.

In: nothing; importing this loads no framework, no NumPy and no web server. Out: the public names, each on first use.
Which name stands for what is written in the modules that the table below points to.
"""

import importlib
from typing import Any

# Where each public name lives, by the generation of BentoML that brought it.
CLASSES = {  # 1.2 to 1.4: a service is a class
    "ApiToken": "bentoml.refusals",
    "AsyncHTTPClient": "bentoml.callers",
    "Bento": "bentoml.bentos",
    "BentoCloudClient": "bentoml.refusals",
    "Context": "ekiben",
    "Cookie": "ekiben",
    "Dependency": "bentoml.dependencies",
    "Field": "pydantic",
    "IODescriptor": "bentoml.descriptors",
    "Model": "bentoml.models",
    "SyncHTTPClient": "bentoml.callers",
    "Tag": "ekiben",
    "api": "bentoml.apis",
    "asgi_app": "bentoml.services",
    "build": "bentoml.bentos",
    "delete": "bentoml.bentos",
    "depends": "bentoml.dependencies",
    "export_bento": "bentoml.bentos",
    "get": "bentoml.bentos",
    "get_current_service": "bentoml.current",
    "import_bento": "bentoml.bentos",
    "importing": "ekiben",
    "list": "bentoml.bentos",
    "load": "bentoml.loading",
    "load_config": "bentoml.settings",
    "monitor": "bentoml.monitoring",
    "mount_asgi_app": "bentoml.services",
    "on_deployment": "bentoml.methods",
    "on_shutdown": "ekiben",
    "on_startup": "ekiben",
    "pull": "bentoml.bentos",
    "push": "bentoml.bentos",
    "runner_service": "bentoml.refusals",
    "save_config": "bentoml.refusals",
    "serve": "bentoml.serving",
    "server_context": "bentoml.current",
    "service": "bentoml.services",
    "set_serialization_strategy": "bentoml.refusals",
    "task": "bentoml.methods",
    "use_arguments": "ekiben",
}
RUNNERS: dict[str, str] = {  # 1.0 and 1.1: a service is an object, and its models run in runners
    "HTTPServer": "bentoml.legacy",
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
    "api_token",
    "artifact",
    "batch",
    "bentos",
    "catboost",
    "client",
    "cloud",
    "container",
    "deployment",
    "detectron",
    "diffusers",
    "easyocr",
    "exceptions",
    "fastai",
    "flax",
    "gradio",
    "handlers",
    "images",
    "io",
    "keras",
    "legacy",
    "lightgbm",
    "metrics",
    "mlflow",
    "models",
    "monitoring",
    "onnx",
    "picklable_model",
    "pytorch",
    "pytorch_lightning",
    "ray",
    "secret",
    "sklearn",
    "start",
    "tensorflow",
    "torchscript",
    "transformers",
    "triton",
    "types",
    "unsloth",
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
