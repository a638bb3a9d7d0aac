"""Read amounts of CPU and memory as users write them, and find our CPUs.

In: a number or text such as `"500m"` or `"2Gi"`; what the kernel says. Out: CPUs as a float, bytes as an int.
Source: Kubernetes, "Quantity"; Linux, cgroup-v2 (`cpu.max`) and the CFS bandwidth files of version 1.
"""

import math
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from ekiben.core.errors import ConfigError

UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
UNITS |= {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}
NUMBER = r"\d+(?:\.\d+)?"


def cpus(value: Any, path: str) -> float:
    """Give a number of CPUs: 2, 0.5, "0.5" or "500m", which is thousandths.

    Args:
        value: what the user wrote.
        path: its name in an error.

    Raises:
        ConfigError: it is none of these, or not above 0.
    """
    found = re.fullmatch(rf"({NUMBER})(m?)", str(value)) if not isinstance(value, bool) else None
    amount = 0.0 if found is None else float(found[1]) / (1000 if found[2] else 1)
    if amount <= 0.0:
        raise ConfigError(f"`{path}` must be a number of CPUs above 0: {value!r}", hint='write 2, 0.5 or "500m"')
    return amount


def memory(value: Any, path: str) -> int:
    """Give bytes: of 1000000, "500M" (powers of 1000) or "2Gi" (powers of 1024).

    Args:
        value: what the user wrote.
        path: its name in an error.

    Raises:
        ConfigError: it is none of these, or not above 0.
    """
    found = re.fullmatch(rf"({NUMBER})\s*([kKMGT]?i?)B?", str(value)) if not isinstance(value, bool) else None
    amount = 0 if found is None or found[2] not in UNITS else int(float(found[1]) * UNITS[found[2]])
    if amount <= 0:
        raise ConfigError(f"`{path}` must be an amount of memory above 0: {value!r}", hint='write "500Mi" or "2Gi"')
    return amount


def usable_cpus() -> list[int]:
    """List the CPUs that this process may run on; where the system does not say, all."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Give the CPUs' worth of time that control groups allow; None is no limit.

    Args:
        root: of the file system.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    found: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            found += [quota(words) for words in upwards(root / "sys/fs/cgroup", path, "cpu.max")]
        elif "cpu" in controllers.split(","):
            for folder in ("cpu", "cpu,cpuacct"):
                limits = upwards(root / "sys/fs/cgroup" / folder, path, "cpu.cfs_quota_us")
                periods = upwards(root / "sys/fs/cgroup" / folder, path, "cpu.cfs_period_us")
                found += [quota([*each, *period]) for each, period in zip(limits, periods, strict=False)]
    return min((each for each in found if each > 0.0), default=None)


def upwards(mount: Path, path: str, name: str) -> list[list[str]]:
    """Read a file of a control group and of those above it."""
    found = []
    inner = PurePosixPath(path.lstrip("/"))
    for folder in (inner, *inner.parents):
        try:
            found.append((mount / folder / name).read_text().split())
        except OSError:
            continue  # a container sees its own group as the root, and the path in it does not exist
    return found


def quota(words: list[str]) -> float:
    """Give CPUs of a quota and a period; 0.0 stands for no limit."""
    try:
        return max(0.0, int(words[0]) / int(words[1]))
    except (IndexError, ValueError, ZeroDivisionError):
        return 0.0


def cpu_count() -> int:
    """Say how many CPUs we can use at once, by affinity and by control groups."""
    limit = cpu_quota()
    count = len(usable_cpus())
    return count if limit is None else max(1, min(count, math.ceil(limit)))
