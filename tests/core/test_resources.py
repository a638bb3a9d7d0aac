"""Amounts of CPU and memory are read as people write them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.core.resources import cpu_quota, cpus, memory


@pytest.mark.parametrize(
    ("value", "expected"), [(2, 2.0), (0.5, 0.5), ("1.5", 1.5), ("500m", 0.5), ("2", 2.0), ("1500m", 1.5)]
)
def test_cpus(value: Any, expected: float) -> None:
    """A number, its text, or thousandths."""
    assert cpus(value, "resources.cpu") == expected


@pytest.mark.parametrize("value", [0, -1, "m", "2 cores", "1e3", True, None, "0m"])
def test_no_cpus(value: Any) -> None:
    """Anything else is refused by its path."""
    with pytest.raises(ConfigError, match=r"`resources\.cpu` must be a number of CPUs above 0: "):
        cpus(value, "resources.cpu")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1000, 1000),
        ("1k", 1000),
        ("1Ki", 1024),
        ("2Gi", 2 * 1024**3),
        ("1.5Gi", 3 * 1024**3 // 2),
        ("500 MB", 500_000_000),
    ],
)
def test_memory(value: Any, expected: int) -> None:
    """A number of bytes, or text with a unit."""
    assert memory(value, "resources.memory") == expected


@pytest.mark.parametrize("value", [0, -1, "2X", "Gi", "lots", True, None, "2i", "1K"])
def test_no_memory(value: Any) -> None:
    """Anything else is refused by its path."""
    with pytest.raises(ConfigError, match=r"`resources\.memory` must be an amount of memory above 0: "):
        memory(value, "resources.memory")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="a system without control groups"),
        pytest.param({"proc/self/cgroup": "0::/\n"}, None, id="a group without a limit file"),
        pytest.param(
            {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n"}, None, id="no limit is set"
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 1.5, id="version 2"
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
                "sys/fs/cgroup/a/cpu.max": "200000 100000\n",
            },
            2.0,
            id="the group above allows less",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/outside\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
            0.5,
            id="a container, where the group is the root",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:memory:/m\n3:cpu,cpuacct:/docker/x\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "300000\n",
                "sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
            },
            3.0,
            id="version 1",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "1:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            None,
            id="version 1 without a limit",
        ),
        pytest.param(
            {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "many 0\n"}, None, id="a file that makes no sense"
        ),
    ],
)
def test_cpu_quota(files: dict[str, str], expected: float | None, tmp_path: Path) -> None:
    """The least limit of a control group and those above it holds, in either version's files."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert cpu_quota(tmp_path) == expected


def test_cpu_count_follows_the_affinity() -> None:
    """A process that may run on one CPU counts one."""
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    code += "from ekiben.core.resources import cpu_count, usable_cpus; print(cpu_count(), len(usable_cpus()))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.split() == ["1", "1"]
