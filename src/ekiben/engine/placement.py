"""Share out CPUs, threads of number libraries and GPUs to workers.

In: what the machine has, how many workers, what the service asks for, what the user has set. Out: a `Place` a worker.
Pure: reads neither the machine nor the environment, so every rule is tested with plain numbers.
Source: OpenMP (`OMP_NUM_THREADS`); CUDA C++ Programming Guide (`CUDA_VISIBLE_DEVICES`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ekiben.core.errors import ConfigError

THREADS = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "TF_NUM_INTRAOP_THREADS",
)  # fmt: skip
DEVICES = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Machine:
    """What may be shared out."""

    cpus: Sequence[int]  # that we may run on
    quota: float | None = None  # CPUs' worth of time, where control groups limit it
    gpus: Sequence[str] | None = None  # the pool, as CUDA names them; None: unknown


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker gets."""

    cpus: tuple[int, ...] = ()  # to run on; none: wherever
    env: Mapping[str, str] = field(default_factory=dict)


def share_out(
    machine: Machine, workers: int, gpus: float | None, environ: Mapping[str, str], taken: int = 0
) -> list[Share]:
    """Give each worker its share.

    A worker is bound to CPUs where each can have one of its own and no quota is shared with others. GPUs of the pool
    are dealt out; where there are fewer than workers, several workers share one.

    Args:
        machine: what there is.
        workers: at least 1.
        gpus: how many of the pool the service asks for; None leaves the GPUs alone.
        environ: what the user has set, which is left as it is.
        taken: GPUs that services before this one were dealt; when the pool is through it begins again.

    Raises:
        ConfigError: more GPUs are asked for than there are.
    """
    cores = len(machine.cpus) if machine.quota is None else min(len(machine.cpus), math.ceil(machine.quota))
    is_all = workers == 1 and cores == len(machine.cpus)  # number libraries see for themselves what there is
    threads = {} if is_all else dict.fromkeys(THREADS, str(max(1, cores // workers)))
    env = {name: count for name, count in threads.items() if name not in environ}
    pool = pool_of(machine, gpus, taken)
    bound = 1 < workers <= len(machine.cpus) and cores == len(machine.cpus)
    shares = []
    for index in range(workers):
        own = slice_of(machine.cpus, index, workers) if bound else ()
        devices = {} if pool is None else {DEVICES: ",".join(devices_of(pool, index, workers))}
        shares.append(Share(tuple(own), {**env, **devices}))
    return shares


def count_gpus(gpus: float | None) -> int:
    """Say how many GPUs of the pool a service takes that asks for *gpus*."""
    return 0 if gpus is None else max(0, math.ceil(gpus))


def pool_of(machine: Machine, gpus: float | None, taken: int = 0) -> Sequence[str] | None:
    """Give the GPUs that the service uses; None leaves them alone."""
    wanted = count_gpus(gpus)
    if gpus is None or not wanted:
        return None
    if machine.gpus is None or wanted > len(machine.gpus):
        there = "none is found" if not machine.gpus else f"there is {', '.join(machine.gpus)}"
        raise ConfigError(
            f"`resources.gpu` must be at most the number of GPUs, and {there}: {gpus:g}",
            hint=f"set {DEVICES} to the GPUs that may be used, or ask for fewer",
        )
    return [machine.gpus[(taken + index) % len(machine.gpus)] for index in range(wanted)]


def slice_of(items: Sequence[int], index: int, parts: int) -> Sequence[int]:
    """Give part *index* of *parts* that differ by one in length at most."""
    return items[index * len(items) // parts : (index + 1) * len(items) // parts]


def devices_of(pool: Sequence[str], index: int, workers: int) -> Sequence[str]:
    """Give a worker's GPUs: its own ones, or one that it shares."""
    if len(pool) < workers:
        return [pool[index % len(pool)]]
    return pool[index * len(pool) // workers : (index + 1) * len(pool) // workers]


def pool_from(environ: Mapping[str, str], found: int) -> list[str] | None:
    """Give the pool of GPUs: what `CUDA_VISIBLE_DEVICES` names, else what is found."""
    named = environ.get(DEVICES)
    if named is None:
        return [str(index) for index in range(found)] or None
    return [each.strip() for each in named.split(",") if each.strip() not in ("", "-1", "NoDevFiles")]
