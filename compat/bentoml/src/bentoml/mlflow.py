"""MLflow models in BentoML's store."""

from bentoml.front import entered
from ekiben import mlflow as ekiben_mlflow

__all__ = ["get", "import_model", "load_model"]

import_model = entered(ekiben_mlflow.import_model)
load_model = entered(ekiben_mlflow.load_model)
get = entered(ekiben_mlflow.get)
