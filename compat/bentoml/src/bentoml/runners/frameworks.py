"""Give a framework's module the function that makes runnables of its models.

In: a stored model, or its tag. Out: the class that a runner of it runs.
"""

from collections.abc import Callable
from typing import Any

from bentoml.front import entered
from bentoml.runners.models import Model
from bentoml.runners.runnable import Runnable
from bentoml.runners.stored import runnable_of
from ekiben.frameworks import api


def get_runnable(name: str) -> Callable[[Any], type[Runnable]]:
    """Make `get_runnable` of a framework; it raises NotFound for a model of another."""

    @entered
    def get(bento_model: Any) -> type[Runnable]:
        """Make the class that a runner of this stored model runs."""
        found = api.get(name, bento_model)
        return found.to_runnable() if isinstance(found, Model) else runnable_of(found, {})

    return get
