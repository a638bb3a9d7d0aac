"""Name every framework, without importing any.

In: a name, as `model.yaml` or a user writes it. Out: the framework's module. Only modules of this table are ever
imported, whatever a stored file says.
"""

import difflib
import importlib
from typing import Any, cast

from ekiben.core.errors import NotFound
from ekiben.frameworks.base import Framework

# In the order in which they are asked whose an object is: scikit-learn's is also what follows its interface.
FRAMEWORKS = {
    "xgboost": "ekiben.frameworks.xgboost",
    "lightgbm": "ekiben.frameworks.lightgbm",
    "catboost": "ekiben.frameworks.catboost",
    "onnx": "ekiben.frameworks.onnx",
    "mlflow": "ekiben.frameworks.mlflow",
    "sklearn": "ekiben.frameworks.sklearn",
    "keras": "ekiben.frameworks.keras",
    "diffusers": "ekiben.frameworks.diffusers",
    "flax": "ekiben.frameworks.flax",
    "fastai": "ekiben.frameworks.fastai",
    "transformers": "ekiben.frameworks.transformers",
    "torchscript": "ekiben.frameworks.torchscript",
    "pytorch_lightning": "ekiben.frameworks.pytorch_lightning",
    "pytorch": "ekiben.frameworks.pytorch",
    "tensorflow": "ekiben.frameworks.tensorflow",
    "picklable_model": "ekiben.frameworks.picklable_model",
}


def framework(name: str) -> Framework:
    """Give the framework called *name*; `ekiben.sklearn` is read as `sklearn`.

    Raises:
        NotFound: there is none of this name.
    """
    short = name.rpartition(".")[2]
    path = FRAMEWORKS.get(short)
    if path is None:
        near = difflib.get_close_matches(short, FRAMEWORKS, 1)
        raise NotFound(
            f"there is no framework `{name}`",
            hint=f"did you mean `{near[0]}`?" if near else "there are: " + ", ".join(FRAMEWORKS),
        )
    return cast(Framework, importlib.import_module(path))


def owner(model: Any) -> str | None:
    """Name the framework whose object *model* is; None where it is the pickles'."""
    for name in FRAMEWORKS:
        if name != "picklable_model" and framework(name).owns(model):
            return name
    return None
