"""scikit-learn models in BentoML's store."""

from bentoml.faces import getter, loader, saver
from bentoml.runners import frameworks as runners
from ekiben import sklearn as ekiben_sklearn

__all__ = ["get", "get_runnable", "load_model", "save_model"]

save_model = saver(ekiben_sklearn, format="joblib")
load_model = loader(ekiben_sklearn)
get = getter(ekiben_sklearn)
get_runnable = runners.get_runnable("sklearn")
