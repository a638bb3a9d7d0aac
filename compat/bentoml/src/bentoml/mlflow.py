"""MLflow models in BentoML's store."""

from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import mlflow as ekiben_mlflow

__all__ = ["get", "get_runnable", "import_model", "load_model"]

import_model = entered(ekiben_mlflow.import_model)
load_model = entered(ekiben_mlflow.load_model)
get = entered(ekiben_mlflow.get)
get_runnable = runners.get_runnable("mlflow")
