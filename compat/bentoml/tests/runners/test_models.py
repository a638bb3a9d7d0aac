"""Stored models become runners."""

from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.exceptions import BentoMLException, NotFound
from bentoml.runners.binding import bind
from bentoml.runners.models import Model
from sklearn.linear_model import LogisticRegression

ROWS = np.array([[0.0], [0.1], [5.0], [5.1]])


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A classifier in the store."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    return bentoml.sklearn.save_model("iris_clf", LogisticRegression().fit(ROWS, [0, 0, 1, 1]))


def test_every_way_to_a_model_gives_one_with_runners(saved: Any) -> None:
    """What saving, getting and listing give can become a runner, and is what `bentoml.Model` names."""
    found = [saved, bentoml.sklearn.get("iris_clf:latest"), bentoml.models.get("iris_clf"), *bentoml.models.list()]
    assert all(isinstance(model, bentoml.Model) for model in found)
    assert bentoml.Model is bentoml.models.Model is Model
    assert {model.to_runner().name for model in found} == {"iris_clf"}


def test_a_runner_of_a_model(saved: Any) -> None:
    """It has the model's methods, and its usual one as its own; it knows its model and its limits."""
    runner = saved.to_runner(name="Iris", max_batch_size=7, method_configs={"predict": {"max_latency_ms": 100}})
    assert (runner.name, runner.models, runner.embedded) == ("iris", [saved], False)
    assert (runner.predict.max_batch_size, runner.predict.max_latency_ms) == (7, 100)
    runner.init_local(quiet=True)
    assert runner.predict.run(ROWS).tolist() == runner.run(ROWS).tolist() == [0, 0, 1, 1]
    assert runner.predict_proba.run(ROWS).shape == (4, 2)
    bound = bind(runner, "iris")
    assert [ref.resolved for ref in bound.spec.models] == [str(saved.tag)]
    assert bound.spec.endpoints[0].isolate
    assert bound.spec.workers == 1  # one call uses all cores


def test_options_for_loading(saved: Any) -> None:
    """`with_options` gives the same model, which is loaded with them; a wrong one is refused."""
    mapped = bentoml.models.get("iris_clf:latest").with_options(mmap_mode="r")
    assert (mapped.tag, mapped.wanted.version) == (saved.tag, "latest")
    assert mapped.load_model().predict(ROWS).tolist() == [0, 0, 1, 1]
    runner = saved.with_options(device_id="cpu").to_runner()
    with pytest.raises(BentoMLException, match="`device_id` is not an option of sklearn"):
        runner.init_local(quiet=True)
    assert saved.load_model().predict(ROWS).tolist() == [0, 0, 1, 1]


def test_the_runnable_of_a_model(saved: Any) -> None:
    """`get_runnable` and `to_runnable` give the class, whose methods can be called by hand."""
    for runnable in (
        bentoml.sklearn.get_runnable(saved),
        bentoml.sklearn.get_runnable("iris_clf"),
        saved.to_runnable(),
    ):
        assert issubclass(runnable, bentoml.Runnable)
        assert (runnable.SUPPORTED_RESOURCES, runnable.SUPPORTS_CPU_MULTI_THREADING) == (("cpu",), True)
        assert runnable().predict(ROWS).tolist() == [0, 0, 1, 1]
    with pytest.raises(NotFound, match="was saved with sklearn"):
        bentoml.xgboost.get_runnable("iris_clf")


def test_a_pickled_function(saved: Any) -> None:
    """A picklable model is called itself, in as many workers as there are CPUs, with whatever it is given."""
    stored = bentoml.picklable_model.save_model("add", lambda x, y=1: x + y)
    runner = stored.to_runner()
    runner.init_local(quiet=True)
    assert (runner.run(1), runner.run(1, y=5)) == (2, 6)
    assert not runner.runnable_class.SUPPORTS_CPU_MULTI_THREADING


def test_a_model_without_methods(saved: Any) -> None:
    """Files that no framework saved have nothing to run, and say so."""
    with bentoml.models.create("words") as model:
        pass
    with pytest.raises(BentoMLException, match=f"the model {model.tag} names no method to run"):
        model.to_runner()
