"""The models that every peer serves: one that costs nothing, and an SVC on the iris data.

In: the name of a case, from the environment variable BENCH_CASE. Out: a function from rows to predictions.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

CASE = os.environ.get("BENCH_CASE", "noop")
MAX_BATCH = 64
Predict = Callable[[Any], Sequence[Any]]


def load() -> Predict:
    """Give the model of the case: `noop` answers 0 for each row, everything else is the SVC."""
    if CASE.startswith("noop"):
        return lambda rows: [0] * len(rows)
    import joblib

    return joblib.load(Path(os.environ["BENCH_MODELS"]) / "iris.joblib").predict


def train(folder: Path) -> None:
    """Train the SVC into *folder*."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC

    features, species = load_iris(return_X_y=True)
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(SVC().fit(features, species), folder / "iris.joblib")


if __name__ == "__main__":
    train(Path(os.environ["BENCH_MODELS"]))
