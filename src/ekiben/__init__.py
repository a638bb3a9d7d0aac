"""Save a trained model, serve it fast, pack it once and run it anywhere.

In: nothing; importing this loads neither NumPy nor a web server. Out: the public names, each imported on first use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ekiben.bundle.bento import build as build
    from ekiben.client.aio import AsyncHTTPClient as AsyncHTTPClient
    from ekiben.client.sync import SyncHTTPClient as SyncHTTPClient
    from ekiben.core.context import Context as Context
    from ekiben.core.context import Cookie as Cookie
    from ekiben.core.optional import importing as importing
    from ekiben.core.tag import Tag as Tag
    from ekiben.engine.monitoring import monitor as monitor
    from ekiben.frameworks.handle import Model as Model
    from ekiben.http.wsgi import wsgi_app as wsgi_app
    from ekiben.images.image import containerize as containerize
    from ekiben.schema.wire.events import Event as Event
    from ekiben.services.arguments import use_arguments as use_arguments
    from ekiben.services.classes import asgi_app as asgi_app
    from ekiben.services.classes import asgi_middleware as asgi_middleware
    from ekiben.services.classes import service as service
    from ekiben.services.depends import depends as depends
    from ekiben.services.image import Image as Image
    from ekiben.services.methods import api as api
    from ekiben.services.methods import on_deployment as on_deployment
    from ekiben.services.methods import on_shutdown as on_shutdown
    from ekiben.services.methods import on_startup as on_startup
    from ekiben.services.tasks import task as task
    from ekiben.store.bentos import Bento as Bento
    from ekiben.tools.asgi import to_asgi as to_asgi
    from ekiben.tools.serving import serve as serve

__version__ = "0.1.0"

# Where each public name lives; a test holds this against the block above.
_NAMES = {
    "AsyncHTTPClient": "client.aio",
    "Bento": "store.bentos",
    "Context": "core.context",
    "Cookie": "core.context",
    "Event": "schema.wire.events",
    "Image": "services.image",
    "Model": "frameworks.handle",
    "SyncHTTPClient": "client.sync",
    "Tag": "core.tag",
    "api": "services.methods",
    "asgi_app": "services.classes",
    "asgi_middleware": "services.classes",
    "build": "bundle.bento",
    "containerize": "images.image",
    "depends": "services.depends",
    "importing": "core.optional",
    "monitor": "engine.monitoring",
    "on_deployment": "services.methods",
    "on_shutdown": "services.methods",
    "on_startup": "services.methods",
    "serve": "tools.serving",
    "service": "services.classes",
    "task": "services.tasks",
    "to_asgi": "tools.asgi",
    "use_arguments": "services.arguments",
    "wsgi_app": "http.wsgi",
}
_MODULES = (
    "batching",
    "bentos",
    "catboost",
    "diffusers",
    "exceptions",
    "fastai",
    "flax",
    "keras",
    "lightgbm",
    "mlflow",
    "models",
    "onnx",
    "picklable_model",
    "pytorch",
    "pytorch_lightning",
    "sklearn",
    "tensorflow",
    "testing",
    "torchscript",
    "transformers",
    "validators",
    "xgboost",
)

__all__ = [*_NAMES, *_MODULES, "__version__"]  # noqa: PLE0604 - all are names


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _NAMES:
        value = getattr(importlib.import_module(f"ekiben.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"ekiben.{name}")
    raise AttributeError(f"module 'ekiben' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
