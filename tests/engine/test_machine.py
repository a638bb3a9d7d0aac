"""What number libraries are told of a control group, and what workers get of it afterwards."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ekiben.engine import machine
from ekiben.engine.machine import HEEDED, heed_quota, shares
from ekiben.engine.placement import THREADS


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file system whose control group gives one CPU and a half."""
    for name, text in {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture(autouse=True)
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight CPUs, whose user has set no numbers of threads."""
    monkeypatch.setattr(machine, "usable_cpus", lambda: list(range(8)))
    for name in (*THREADS, HEEDED):
        monkeypatch.delenv(name, raising=False)


def test_a_quota_is_told(root: Path) -> None:
    """Libraries that are loaded later see the CPUs of the group, but for the number that the user has set."""
    environ = {"OMP_NUM_THREADS": "5"}
    heed_quota(environ, root)
    told = [name for name in THREADS if name != "OMP_NUM_THREADS"]
    assert environ == {"OMP_NUM_THREADS": "5", **dict.fromkeys(told, "2"), HEEDED: ",".join(told)}


def test_no_quota_is_no_word(tmp_path: Path) -> None:
    """Where nothing limits us the environment stays as it is."""
    environ = {"LANG": "C"}
    heed_quota(environ, tmp_path)
    assert environ == {"LANG": "C"}


def test_workers_share_what_was_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told to one process is not taken for the user's word when workers share it; the user's is."""
    monkeypatch.setattr(machine, "cpu_quota", lambda *_: 1.5)
    monkeypatch.setenv("MKL_NUM_THREADS", "2")  # as many as the quota, and yet the user's own
    told: dict[str, str] = dict(os.environ)
    heed_quota(told, root)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    for share in shares(2, None):
        assert share.env == dict.fromkeys(set(THREADS) - {"MKL_NUM_THREADS"}, "1")


def test_it_comes_before_the_libraries() -> None:
    """Heeding loads no library whose threads it is about."""
    code = "import sys, ekiben.engine.machine; print('numpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout == "False\n"
