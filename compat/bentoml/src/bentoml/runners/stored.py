"""Run a stored model in a runner.

In: a model of the store. Out: a class of `Runnable` that loads it, with a method for each of its signatures, called as
its framework calls it.
"""

import inspect
from collections.abc import Callable
from typing import Any

from bentoml.runners.runnable import USUAL, Runnable
from bentoml.runners.strategy import CPU, GPU
from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.frameworks.base import method_of
from ekiben.frameworks.handle import Model
from ekiben.frameworks.table import framework

ON_CPU = ("sklearn", "lightgbm", "mlflow", "picklable_model")  # all others use a GPU, where there is one
USUALLY = ("predict", "__call__", "run", "generate")  # what BentoML offers of a model that names no other method
ONE_CORE = ("picklable_model",)  # one call uses one core; those of all others use several


def runnable_of(model: Model, options: dict[str, Any]) -> type[Runnable]:
    """Make the runnable of a stored model.

    Args:
        model: the model.
        options: for loading it.

    Raises:
        ConfigError: it names no method.
    """
    if not model.info.signatures:
        raise ConfigError(f"the model {model.tag} names no method to run", hint="save it with `signatures=`")
    verbs = framework(model.info.module)

    def load(self: Any) -> None:
        self.model = Model.load_model(model, **{**placed(verbs.load), **options})

    made: type[Runnable] = type(
        f"Stored{verbs.NAME.title().replace('_', '')}",
        (Runnable,),
        {
            "__init__": load,
            "__module__": __name__,
            "__doc__": f"The stored model {model.tag}.",
            "SUPPORTED_RESOURCES": (CPU,) if verbs.NAME in ON_CPU else (GPU, CPU),
            "SUPPORTS_CPU_MULTI_THREADING": verbs.NAME not in ONE_CORE,
            USUAL: next((name for name in USUALLY if name in model.info.signatures), None),
        },
    )
    for name, given in model.info.signatures.items():
        axes = (given.batch_dim[0], given.batch_dim[1])
        made.add_method(method(name, verbs), name, batchable=given.batchable, batch_dim=axes)
    return made


def method(name: str, verbs: Any) -> Callable[..., Any]:
    """Make the method that calls one of the model's own."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method_of(verbs, self.model, name).of(self.model, name)(*args, **kwargs)

    call.__name__ = name
    call.__doc__ = f"Call `{name}` of the model."
    return call


def placed(load: Callable[..., Any]) -> dict[str, Any]:
    """Load onto this worker's GPU, where the framework is PyTorch's and there is one."""
    if "device_id" not in inspect.signature(load).parameters:
        return {}
    return {"device_id": "cuda:0"} if need("torch", "a model of PyTorch").cuda.is_available() else {}
