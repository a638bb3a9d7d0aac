"""Train the classifier on the iris flowers."""

from model import make_classifier
from sklearn.datasets import load_iris

flowers, species = load_iris(return_X_y=True)
clf = make_classifier().fit(flowers, species)
