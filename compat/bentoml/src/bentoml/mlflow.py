"""MLflow models in BentoML's store."""

from bentoml.faces import getter, loader, server
from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import mlflow as ekiben_mlflow

__all__ = ["get", "get_runnable", "get_service", "import_model", "load_model"]

import_model = entered(ekiben_mlflow.import_model)
load_model = loader(ekiben_mlflow)
get = getter(ekiben_mlflow)
get_runnable = runners.get_runnable("mlflow")
get_service = server(ekiben_mlflow)
