"""Train a classifier on the iris data, and save it with three rows of its input."""

from sklearn.datasets import load_iris
from sklearn.svm import SVC

import ekiben

X, y = load_iris(return_X_y=True)
saved = ekiben.sklearn.save_model("iris", SVC().fit(X, y), sample=X[:3])
print(saved.tag)
