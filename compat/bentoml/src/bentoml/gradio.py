"""Mount a Gradio app on a service.

In: the blocks of an interface. Out: a decorator, which serves them below a path.
"""

from collections.abc import Callable
from typing import Any

from bentoml.services import asgi_app
from ekiben.core.optional import need

__all__ = ["mount_gradio_app"]


def mount_gradio_app(blocks: Any, path: str, name: str = "gradio_ui") -> Callable[[Any], Any]:
    """Serve an interface of Gradio below *path* of a service; stands above or below `@bentoml.service`.

    Args:
        blocks: a `gradio.Blocks` or `gradio.Interface`.
        path: such as `/ui`.
        name: of the mount.

    Raises:
        MissingLibrary: Gradio is not installed.
    """
    gradio = need("gradio", "`bentoml.gradio.mount_gradio_app`")
    fastapi = need("fastapi", "`bentoml.gradio.mount_gradio_app`")
    app = gradio.mount_gradio_app(fastapi.FastAPI(), blocks, path="")
    return asgi_app(app, path=path, name=name)
