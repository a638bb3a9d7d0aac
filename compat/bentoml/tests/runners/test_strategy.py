"""How many workers a runner gets, and what each may use."""

import os
from typing import Any

import bentoml
import pytest
from bentoml.exceptions import BentoMLException
from bentoml.runners.strategy import (
    DefaultStrategy,
    Strategy,
    count_workers,
    devices_for,
    resources,
    worker_env,
)

from ekiben.core.resources import cpu_count
from ekiben.services.load import load


class OneCore(bentoml.Runnable):
    pass


class Rows(bentoml.Runnable):
    @bentoml.Runnable.method
    def rows(self, rows: Any) -> Any:
        return rows


class ManyCores(bentoml.Runnable):
    SUPPORTS_CPU_MULTI_THREADING = True


class OnGpu(bentoml.Runnable):
    SUPPORTED_RESOURCES = ("nvidia.com/gpu", "cpu")
    SUPPORTS_CPU_MULTI_THREADING = True


@pytest.mark.parametrize(
    ("runnable", "request_", "per_resource", "expected"),
    [
        pytest.param(OneCore, {"cpu": 4.0}, 1, 4, id="one for each CPU"),
        pytest.param(OneCore, {"cpu": 2.5}, 1, 3, id="a part of a CPU counts as one"),
        pytest.param(OneCore, {"cpu": 2.0}, 2, 4, id="several for each CPU"),
        pytest.param(ManyCores, {"cpu": 4.0}, 1, 1, id="one that uses all CPUs"),
        pytest.param(ManyCores, {"cpu": 4.0}, 2, 2, id="several that use all CPUs"),
        pytest.param(OnGpu, {"cpu": 4.0, "nvidia.com/gpu": [0, 2]}, 1, 2, id="one for each GPU"),
        pytest.param(OnGpu, {"cpu": 4.0, "nvidia.com/gpu": [0, 2]}, 2, 4, id="several for each GPU"),
        pytest.param(OnGpu, {"cpu": 4.0, "nvidia.com/gpu": [0, 2]}, 0.5, 1, id="one for two GPUs"),
        pytest.param(OnGpu, {"cpu": 4.0, "nvidia.com/gpu": []}, 1, 1, id="CPUs where there is no GPU"),
        pytest.param(OneCore, {"cpu": 1.0, "nvidia.com/gpu": [0, 2]}, 1, 1, id="no GPU for who cannot use any"),
        pytest.param(OneCore, None, 1, cpu_count(), id="all CPUs of this machine where nothing is said"),
    ],
)
def test_count(runnable: type, request_: Any, per_resource: float, expected: int) -> None:
    """Workers are counted by what the runnable can use."""
    assert DefaultStrategy.get_worker_count(runnable, request_, per_resource) == expected


def test_each_worker_of_a_gpu_sees_that_alone() -> None:
    """The devices are dealt out in order, `workers_per_resource` workers each."""
    asked = {"cpu": 4.0, "nvidia.com/gpu": ["0", "2"]}
    found = [DefaultStrategy.get_worker_env(OnGpu, asked, 2, index) for index in range(4)]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in found] == ["0", "0", "2", "2"]


def test_threads_of_a_cpu_worker() -> None:
    """One that uses several cores gets all, another one; neither sees a GPU."""
    many = DefaultStrategy.get_worker_env(ManyCores, {"cpu": 4.0}, 1, 0)
    one = DefaultStrategy.get_worker_env(OneCore, {"cpu": 4.0}, 1, 3)
    assert (many["OMP_NUM_THREADS"], many["OPENBLAS_NUM_THREADS"]) == ("4", "4")
    assert (one["OMP_NUM_THREADS"], one["MKL_NUM_THREADS"]) == ("1", "1")
    assert many["CUDA_VISIBLE_DEVICES"] == one["CUDA_VISIBLE_DEVICES"] == "-1"


def test_what_the_user_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of threads from outside wins over the strategy's."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    found = worker_env(DefaultStrategy, OneCore, {"cpu": 4.0}, 1, 0)
    assert "OMP_NUM_THREADS" not in found
    assert found["MKL_NUM_THREADS"] == "1"


def test_the_pool_of_gpus_is_what_the_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA_VISIBLE_DEVICES names the GPUs that are dealt out; empty, there is none."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert devices_for(OnGpu, resources()) == ["3", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert devices_for(OnGpu, resources()) == []
    assert resources()["cpu"] == cpu_count() <= (os.cpu_count() or 1)


def test_resources_that_somebody_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """`resources` of a runner's configuration stand in place of the machine's."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,7")
    assert resources({"cpu": "2500m", "gpu": 2}) == {"cpu": 2.5, "nvidia.com/gpu": ["3", "5"]}
    assert resources({"gpu": 0})["nvidia.com/gpu"] == []
    with pytest.raises(BentoMLException, match=r"`resources\.cpu` must be a number of CPUs"):
        resources({"cpu": "many"})


def test_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file or a variable that sets a runner's CPUs sets its workers by them, but for a number that is set."""
    svc = bentoml.Service("staff", runners=[bentoml.Runner(Rows, name="rows")])

    def runner() -> Any:
        (bind,) = load(svc).dependencies.values()
        return bind()

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert runner().spec.workers == cpu_count()
    monkeypatch.setenv("EKIBEN_SERVICES__ROWS__RESOURCES__CPU", "5")
    assert runner().spec.workers == runner().options["workers"] == 5
    assert runner().environ(4)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("EKIBEN_SERVICES__ROWS__WORKERS", "3")
    assert runner().spec.workers == 3


def test_a_strategy_of_ones_own() -> None:
    """A user's class decides; what it gives becomes text, and no number of workers is refused."""

    class Three(Strategy):
        @classmethod
        def get_worker_count(cls, runnable_class: type, resource_request: Any, workers_per_resource: float) -> int:
            return 3 if runnable_class is OneCore else 0

        @classmethod
        def get_worker_env(
            cls, runnable_class: type, resource_request: Any, workers_per_resource: float, worker_index: int
        ) -> dict[str, Any]:
            return {"PLACE": worker_index}

    assert count_workers(Three, OneCore, {}, 1) == 3
    assert worker_env(Three, OneCore, {}, 1, 2) == {"PLACE": "2"}
    with pytest.raises(BentoMLException, match=r"`Three\.get_worker_count` must give a whole number from 1: 0"):
        count_workers(Three, OnGpu, {}, 1)
