"""Save the classifier into the store, for the services of 1.0 and 1.4."""

import bentoml
from train import classifier

saved = bentoml.sklearn.save_model("iris_clf", classifier, signatures={"predict": {"batchable": True}})
print(saved.tag)
