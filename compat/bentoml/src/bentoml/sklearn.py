"""scikit-learn models in BentoML's store."""

from bentoml.front import entered
from ekiben import sklearn as ekiben_sklearn

__all__ = ["get", "load_model", "save_model"]

save_model = entered(ekiben_sklearn.save_model)
load_model = entered(ekiben_sklearn.load_model)
get = entered(ekiben_sklearn.get)
