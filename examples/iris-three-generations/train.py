"""Train the classifier that all three services answer with."""

from sklearn.datasets import load_iris
from sklearn.svm import SVC

flowers, species = load_iris(return_X_y=True)
classifier = SVC(gamma="scale").fit(flowers, species)
