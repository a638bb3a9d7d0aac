"""Learners of fastai travel as what they export, and count as pickles."""

import json
from pathlib import Path

import numpy as np
import pytest

import ekiben.fastai
import ekiben.models
from ekiben.core.errors import ConfigError, StoreError
from tests.servers import serving

pytestmark = [pytest.mark.heavy, pytest.mark.fastai, pytest.mark.timeout(400), pytest.mark.filterwarnings("default")]

TRAIN = """
import sys, json, warnings
warnings.simplefilter("ignore")
import pandas as pd, torch
from fastai.tabular.all import *
import ekiben.models, ekiben.fastai

def half(value):
    return value / 2

frame = pd.DataFrame({"width": [0.1, 0.9, 0.2, 0.8] * 8, "kind": ["small", "large"] * 16})
loaders = TabularDataLoaders.from_df(
    frame, procs=[Normalize], cont_names=["width"], y_names="kind", y_block=CategoryBlock(), bs=8, valid_idx=[0, 1]
)
set_seed(1)
learner = tabular_learner(loaders, layers=[4], metrics=accuracy)
with learner.no_bar(), learner.no_logging():
    learner.fit(2, 0.1)
saved = ekiben.fastai.save_model("kinds", learner, sample={"width": 0.1}, custom_objects={"half": half})
assert learner.dls is loaders and saved.info.needs_unpickling and not saved.info.signatures["predict"].batchable
ekiben.models.export_model("kinds", sys.argv[1])
with learner.no_bar():
    print(json.dumps(learner.predict(frame.iloc[0])[2].tolist()))
"""
USE = """
import sys, json, warnings
warnings.simplefilter("ignore")
import pandas as pd
import ekiben.models
stored = ekiben.models.import_model(sys.argv[1])
learner = stored.load_model()
assert stored.custom_objects["half"](3) == 1.5
with learner.no_bar():
    print(json.dumps(learner.predict(pd.Series({"width": 0.1}))[2].tolist()))
"""


def test_a_learner(python, tmp_path: Path) -> None:
    """A learner works where its script is not, is served one row at a time, and can be forbidden."""
    archive = str(tmp_path / "kinds.bentomodel")
    trained = python(TRAIN, archive)
    used = python(USE, archive, EKIBEN_HOME=str(tmp_path / "other"))
    expected = json.loads(trained.stdout.splitlines()[-1])
    assert np.allclose(json.loads(used.stdout.splitlines()[-1]), expected, atol=1e-5)
    with serving("kinds:latest") as server:
        answer = server.http.post("/predict", json={"width": 0.1})
        assert answer.status_code == 200, answer.text
        assert np.allclose(answer.json()["values"], expected, atol=1e-5)
        assert answer.json()["prediction"] == ["large", "small"][int(np.argmax(expected))]
        assert server.http.post("/predict", json={"height": 1}).status_code == 400
    refused = python(USE, archive, check=False, EKIBEN_HOME=str(tmp_path / "third"), EKIBEN_FORBID_UNPICKLING="1")
    assert "must be unpickled, which EKIBEN_FORBID_UNPICKLING forbids" in refused.stderr


def test_wrong_arguments() -> None:
    """Wrong objects and damaged files are one clear error each."""
    with pytest.raises(ConfigError, match="`model` must be an object of fastai"):
        ekiben.fastai.save_model("none", {"a": 1})
    for name, content, message in (("cut", b"x", "cannot be unpickled"), ("none", None, "must hold saved_model.pkl")):
        with ekiben.models.create(name, module="ekiben.fastai") as model:
            if content is not None:
                (model.path / "saved_model.pkl").write_bytes(content)
        with pytest.raises(StoreError, match=message):
            ekiben.fastai.load_model(name)
