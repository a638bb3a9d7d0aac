"""The store of models in BentoML's home."""

from bentoml.front import entered
from bentoml.runners.models import Model
from ekiben import models as ekiben_models

__all__ = [
    "BentoModel",
    "HuggingFaceModel",
    "Model",
    "create",
    "delete",
    "export_model",
    "get",
    "import_model",
    "list",
    "pull",
    "push",
]

HuggingFaceModel = ekiben_models.HuggingFaceModel
create = entered(ekiben_models.create)
delete = entered(ekiben_models.delete)
export_model = entered(ekiben_models.export_model)
get = entered(ekiben_models.get)
import_model = entered(ekiben_models.import_model)
list = entered(ekiben_models.list)
pull = entered(ekiben_models.pull)
push = entered(ekiben_models.push)


class BentoModel(ekiben_models.BentoModel):
    """A stored model of BentoML's home, as an attribute of a service's class."""

    @entered
    def resolve(self) -> Model:
        """Find the stored model; raises NotFound."""
        return super().resolve()
