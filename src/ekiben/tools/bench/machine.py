"""See what processes of this machine use, and which of them listen on a port.

In: process ids, a port. Out: seconds of CPU, process ids. Where there is no `/proc` nothing is known.
Source: proc(5).
"""

import os
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
LISTENING = "0A"  # of /proc/net/tcp
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def stat(pid: int) -> list[str] | None:
    """Give the fields of a process from `state` on; None where it is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def family(roots: Iterable[int]) -> set[int]:
    """Give processes and all that descend from them."""
    parents = {}
    for pid in pids():
        fields = stat(pid)
        if fields is not None:
            parents[pid] = int(fields[1])
    found = {pid for pid in roots if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu(processes: Iterable[int]) -> dict[int, float]:
    """Give the seconds of CPU that each process has used."""
    found = {}
    for pid in processes:
        fields = stat(pid)
        if fields is not None:
            found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def busy() -> tuple[float, float]:
    """Give the seconds that the CPUs of this machine were busy, and all they had."""
    try:
        fields = [int(each) for each in (PROC / "stat").read_text().partition("\n")[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / TICKS, sum(fields) / TICKS


def pids() -> list[int]:
    """List the processes of this machine."""
    return [int(name) for name in os.listdir(PROC) if name.isdigit()] if PROC.is_dir() else []


def listeners(port: int) -> set[int]:
    """Find the processes that hold a socket which listens on *port*."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    return {pid for pid in pids() if sockets and holds(pid, sockets)}


def holds(pid: int, sockets: set[str]) -> bool:
    """Say whether a process has one of the sockets open, as far as we may look."""
    folder = PROC / str(pid) / "fd"
    try:
        return any(os.readlink(folder / name) in sockets for name in os.listdir(folder))
    except OSError:
        return False
