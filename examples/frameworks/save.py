"""Save models of three kinds, load them again, and list what was kept."""

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

import ekiben

X, y = load_iris(return_X_y=True)
forest = RandomForestClassifier(10, random_state=0).fit(X, y)

saved = ekiben.sklearn.save_model(
    "forest",
    forest,
    sample=X[:3],
    signatures=["predict", "predict_proba"],
    labels={"team": "botany"},
    metadata={"accuracy": forest.score(X, y)},
    custom_objects={"species": ["setosa", "versicolor", "virginica"]},
)

again = ekiben.sklearn.load_model("forest")
species = ekiben.models.get("forest").custom_objects["species"]
print(species[again.predict(X[:1])[0]], saved.info.format, list(saved.info.signatures))

picked = ekiben.models.save("forest", forest)
print(picked.info.module)


def shout(text: str) -> str:
    """Stand for a model of your own: any function or object that can be pickled."""
    return text.upper()


ekiben.picklable_model.save_model("shout", shout, sample="hello")
print(ekiben.picklable_model.load_model("shout")("hello"))
