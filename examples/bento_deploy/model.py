"""The model, apart from its training, so that both the trainer and a notebook can import it."""

from sklearn.svm import SVC


def make_classifier() -> SVC:
    """Give a support vector classifier, not yet trained."""
    return SVC(gamma="scale")
