"""Say how many workers a runner gets, and what each of them may use.

In: a runnable's class and the resources of this machine. Out: a number of workers, and variables for each, which the
engine sets when it starts them.
Source: OpenMP (`OMP_NUM_THREADS`); CUDA C++ Programming Guide (`CUDA_VISIBLE_DEVICES`).
"""

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.resources import cpu_count, cpus
from ekiben.engine.placement import DEVICES, THREADS, pool_from

CPU, GPU = "cpu", "nvidia.com/gpu"
HIDDEN = "-1"  # no device: of CUDA_VISIBLE_DEVICES


class Resource(ABC):
    """A kind of resource: how it is written, and how much of it this machine has."""

    @classmethod
    @abstractmethod
    def from_spec(cls, spec: Any) -> Any:
        """Read what a configuration says."""

    @classmethod
    @abstractmethod
    def from_system(cls) -> Any:
        """Say what there is."""

    @classmethod
    @abstractmethod
    def validate(cls, val: Any) -> None:
        """Raise what says that a value cannot be."""


class Strategy(ABC):
    """Decides about the workers of a runner; derive from it for rules of your own."""

    @classmethod
    @abstractmethod
    def get_worker_count(
        cls, runnable_class: type, resource_request: dict[str, Any] | None, workers_per_resource: float
    ) -> int:
        """Give the number of workers.

        Args:
            runnable_class: what they run.
            resource_request: `"cpu"` as a number, `"nvidia.com/gpu"` as a list of devices.
            workers_per_resource: workers of each GPU, or of the CPUs where a call uses several.
        """

    @classmethod
    @abstractmethod
    def get_worker_env(
        cls,
        runnable_class: type,
        resource_request: dict[str, Any] | None,
        workers_per_resource: float,
        worker_index: int,
    ) -> dict[str, Any]:
        """Give the environment variables of one worker, counted from 0."""


class DefaultStrategy(Strategy):
    """Workers for each GPU; else one that uses all CPUs, or one for each CPU."""

    @classmethod
    def get_worker_count(
        cls, runnable_class: type, resource_request: dict[str, Any] | None, workers_per_resource: float
    ) -> int:
        """Give the number of workers."""
        devices = devices_for(runnable_class, resource_request)
        if devices:
            return max(1, math.ceil(len(devices) * workers_per_resource))
        if is_threaded(runnable_class):
            return max(1, math.ceil(workers_per_resource))
        return max(1, math.ceil(cpus_of(resource_request) * workers_per_resource))

    @classmethod
    def get_worker_env(
        cls,
        runnable_class: type,
        resource_request: dict[str, Any] | None,
        workers_per_resource: float,
        worker_index: int,
    ) -> dict[str, Any]:
        """Give a worker its GPU, or its threads and no GPU."""
        devices = devices_for(runnable_class, resource_request)
        if devices:
            return {DEVICES: devices[int(worker_index / workers_per_resource) % len(devices)]}
        threads = max(1, math.ceil(cpus_of(resource_request))) if is_threaded(runnable_class) else 1
        return {DEVICES: HIDDEN, **dict.fromkeys(THREADS, str(threads))}


def resources(limits: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Say what a runner has: what this machine has, or less.

    Args:
        limits: of the runner, `cpu` and `gpu`, where somebody has set them.

    Raises:
        ConfigError: `cpu` is no number of CPUs.
    """
    given, found = limits or {}, sum(1 for each in Path("/dev").glob("nvidia[0-9]*"))
    pool = pool_from(os.environ, found) or []
    return {
        CPU: float(cpu_count()) if given.get("cpu") is None else cpus(given["cpu"], "resources.cpu"),
        GPU: pool if given.get("gpu") is None else pool[: math.ceil(given["gpu"])],
    }


def devices_for(runnable: type, request: Mapping[str, Any] | None) -> list[str]:
    """Name the GPUs that a runnable's workers share out; none where it cannot use any."""
    if GPU not in getattr(runnable, "SUPPORTED_RESOURCES", ()) or not request:
        return []
    return [str(device) for device in request.get(GPU) or ()]


def is_threaded(runnable: type) -> bool:
    """Say whether one call of a runnable uses several CPUs by itself."""
    return bool(getattr(runnable, "SUPPORTS_CPU_MULTI_THREADING", False))


def cpus_of(request: Mapping[str, Any] | None) -> float:
    """Give the CPUs that are asked for; all of them where nothing is said."""
    asked = (request or {}).get(CPU)
    return float(cpu_count() if asked is None else asked)


def count_workers(strategy: type[Strategy], runnable: type, request: dict[str, Any], per_resource: float) -> int:
    """Ask a strategy for the number of workers; raises ConfigError for what is none."""
    count: Any = strategy.get_worker_count(runnable, request, per_resource)
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ConfigError(f"`{strategy.__name__}.get_worker_count` must give a whole number from 1: {count!r}")
    return int(count)


def worker_env(
    strategy: type[Strategy], runnable: type, request: dict[str, Any], per_resource: float, index: int
) -> dict[str, str]:
    """Ask a strategy for the variables of a worker.

    Numbers of threads that the user has set are left as they are.
    """
    given = strategy.get_worker_env(runnable, request, per_resource, index)
    return {str(name): str(value) for name, value in given.items() if name not in THREADS or name not in os.environ}
