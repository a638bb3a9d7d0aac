"""The store of models in BentoML's home."""

from bentoml.front import entered
from ekiben import models as ekiben_models

__all__ = ["Model", "create", "delete", "export_model", "get", "import_model", "list"]

Model = ekiben_models.Model
create = entered(ekiben_models.create)
delete = entered(ekiben_models.delete)
export_model = entered(ekiben_models.export_model)
get = entered(ekiben_models.get)
import_model = entered(ekiben_models.import_model)
list = entered(ekiben_models.list)
