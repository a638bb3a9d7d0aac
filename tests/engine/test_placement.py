"""What each worker gets of a machine."""

import pytest

from ekiben.core.errors import ConfigError
from ekiben.engine.placement import DEVICES, THREADS, Machine, count_gpus, pool_from, share_out

EIGHT = range(8)


@pytest.mark.parametrize(
    ("machine", "workers", "cpus", "threads"),
    [
        pytest.param(Machine(EIGHT), 1, [()], None, id="a lone worker is left alone"),
        pytest.param(Machine(EIGHT), 2, [(0, 1, 2, 3), (4, 5, 6, 7)], "4", id="CPUs are divided"),
        pytest.param(Machine(EIGHT), 3, [(0, 1), (2, 3, 4), (5, 6, 7)], "2", id="parts differ by one at most"),
        pytest.param(Machine([3, 5]), 2, [(3,), (5,)], "1", id="only CPUs that we may use"),
        pytest.param(Machine([0, 1]), 3, [(), (), ()], "1", id="more workers than CPUs are not bound to any"),
        pytest.param(Machine(EIGHT, quota=2.5), 2, [(), ()], "1", id="a quota of time binds nobody to a CPU"),
        pytest.param(Machine(EIGHT, quota=2.5), 1, [()], "3", id="a lone worker has the threads of its quota"),
        pytest.param(Machine(EIGHT, quota=16.0), 1, [()], None, id="a quota above all leaves a lone worker alone"),
        pytest.param(Machine(EIGHT, quota=16.0), 2, [(0, 1, 2, 3), (4, 5, 6, 7)], "4", id="a quota above all is none"),
    ],
)
def test_cpus(machine: Machine, workers: int, cpus: list[tuple[int, ...]], threads: str | None) -> None:
    """Each worker has CPUs of its own where that is fair, and as many threads as CPUs."""
    shares = share_out(machine, workers, None, {})
    assert [share.cpus for share in shares] == cpus
    assert {share.env.get(name) for share in shares for name in THREADS} == {threads}
    assert all(DEVICES not in share.env for share in shares)


def test_what_the_user_set_stays() -> None:
    """A number of threads that the user chose is not changed; the others are."""
    [first, _] = share_out(Machine(EIGHT), 2, None, {"OMP_NUM_THREADS": "7"})
    assert "OMP_NUM_THREADS" not in first.env
    assert first.env["MKL_NUM_THREADS"] == "4"


@pytest.mark.parametrize(
    ("pool", "workers", "gpus", "expected"),
    [
        pytest.param("0,1,2,3", 2, 4, ["0,1", "2,3"], id="several for each"),
        pytest.param("0,1,2", 2, 3, ["0", "1,2"], id="parts differ by one at most"),
        pytest.param("4,6", 2, 2, ["4", "6"], id="only those of the pool"),
        pytest.param("GPU-a,GPU-b", 2, 1, ["GPU-a", "GPU-a"], id="one that is shared, by its name"),
        pytest.param("0,1", 3, 2, ["0", "1", "0"], id="fewer than workers go round"),
        pytest.param("0,1", 1, 0.5, ["0"], id="a part of one is one"),
        pytest.param("0,1", 1, None, [None], id="nobody asked: they are left alone"),
    ],
)
def test_gpus(pool: str, workers: int, gpus: float | None, expected: list[str | None]) -> None:
    """GPUs of the pool are dealt out."""
    machine = Machine(EIGHT, gpus=pool_from({DEVICES: pool}, 99))
    assert [share.env.get(DEVICES) for share in share_out(machine, workers, gpus, {})] == expected


@pytest.mark.parametrize(
    ("pool", "asked", "expected"),
    [
        pytest.param("4,6", [1, 1], ["4", "6"], id="each has its own"),
        pytest.param("0,1,2,3", [2, None, 1, 0.5], ["0,1", None, "2", "3"], id="after each other, a part is one"),
        pytest.param("4,6", [1, 2, 1], ["4", "6,4", "6"], id="when the pool is through it begins again"),
        pytest.param("4", [1, 1], ["4", "4"], id="a lone one is shared"),
    ],
)
def test_several_services(pool: str, asked: list[float | None], expected: list[str | None]) -> None:
    """Services are dealt GPUs one after the other."""
    machine = Machine(EIGHT, gpus=pool_from({DEVICES: pool}, 99))
    found, taken = [], 0
    for gpus in asked:
        [share] = share_out(machine, 1, gpus, {}, taken)
        found.append(share.env.get(DEVICES))
        taken += count_gpus(gpus)
    assert found == expected


@pytest.mark.parametrize(
    ("environ", "found", "pool"),
    [
        pytest.param({}, 2, ["0", "1"], id="what is found, where nothing is said"),
        pytest.param({}, 0, None, id="nothing is found"),
        pytest.param({DEVICES: ""}, 2, [], id="none, if the user says so"),
        pytest.param({DEVICES: "-1"}, 2, [], id="none, in CUDA's other words"),
        pytest.param({DEVICES: " 1 , 0"}, 2, ["1", "0"], id="in the user's order"),
    ],
)
def test_the_pool(environ: dict[str, str], found: int, pool: list[str] | None) -> None:
    """The pool is what the variable names, else what there is."""
    assert pool_from(environ, found) == pool


@pytest.mark.parametrize(("gpus", "there"), [(["0"], "there is 0"), ([], "none is found"), (None, "none is found")])
def test_more_gpus_than_there_are(gpus: list[str] | None, there: str) -> None:
    """A service that asks for more than there is does not start."""
    with pytest.raises(ConfigError, match=f"`resources.gpu` must be at most the number of GPUs, and {there}: 2"):
        share_out(Machine(EIGHT, gpus=gpus), 1, 2, {})
