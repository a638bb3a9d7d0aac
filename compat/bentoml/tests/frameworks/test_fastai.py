"""Learners of fastai travel as what they export, which is a pickle."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.fastai import FastaiModelArtifact

from compat.bentoml.tests.frameworks.trips import refuses, travel
from ekiben.exceptions import StoreError
from tests.libraries import later

pd: Any = later("pandas")
tabular: Any = later("fastai.tabular.all")

pytestmark = [pytest.mark.heavy, pytest.mark.fastai, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

ROWS = [{"width": 0.1}, {"width": 0.9}]
BODY = "[model.predict(pd.Series(row))[2].tolist() for row in rows]"


def learner() -> Any:
    """Train a learner that tells small from large."""
    frame = pd.DataFrame({"width": [0.1, 0.9, 0.2, 0.8] * 8, "kind": ["small", "large"] * 16})
    loaders = tabular.TabularDataLoaders.from_df(
        frame, procs=[tabular.Normalize], cont_names=["width"], y_names="kind", y_block=tabular.CategoryBlock(), bs=8,
        valid_idx=[0, 1],
    )  # fmt: skip
    made = tabular.tabular_learner(loaders, layers=[4])
    with made.no_bar(), made.no_logging():
        made.fit(1, 0.1)
    return made


def test_a_learner(tmp_path: Path) -> None:
    """A learner answers where its data are not, and its packages are asked for."""
    trip = travel(tmp_path, FastaiModelArtifact, learner(), ROWS, body=BODY, imports="import pandas as pd")
    assert {"fastai", "torch", "pandas"} <= set(trip.requirements())


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model without its learner, a damaged file, and any where pickles are forbidden."""
    made = learner()
    refuses(FastaiModelArtifact("model"), made.model, "a `Learner` of fastai")
    FastaiModelArtifact("model").pack(made).save(str(tmp_path))
    (tmp_path / "damaged.pkl").write_bytes((tmp_path / "model.pkl").read_bytes()[:500])
    with pytest.raises(StoreError, match="the artifact `damaged` cannot be unpickled"):
        FastaiModelArtifact("damaged").load(str(tmp_path))
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="the artifact `model` must be unpickled, which EKIBEN_FORBID_UNPICKLING"):
        FastaiModelArtifact("model").load(str(tmp_path))
