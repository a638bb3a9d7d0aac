"""What a server's process tree holds: descriptors, threads, memory, files in its temporary folder.

In: a pid. Out: plain numbers, from `/proc`. Linux only.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Held:
    """What all processes of a tree hold together."""

    processes: int
    descriptors: int
    threads: int
    files: int  # in the temporary folder

    def beyond(self, before: "Held") -> dict[str, str]:
        """Say what is held that was not, as `41 -> 42`; all processes must be there, and no more."""
        pairs = [(name, getattr(before, name), getattr(self, name)) for name in self.__slots__]
        return {n: f"{was} -> {now}" for n, was, now in pairs if now > was or (n == "processes" and now != was)}


def members(root: int) -> list[int]:
    """List a process and its living descendants."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            children.setdefault(int(parent), []).append(int(name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def zombies(root: int) -> list[int]:
    """List the children of a process that nobody has fetched."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state == "Z" and int(parent) == root:
            found.append(int(name))
    return found


def held(root: int, folder: Path) -> Held:
    """Count what a tree holds now; sockets to clients are among the descriptors."""
    pids = members(root)
    return Held(
        len(pids),
        sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids),
        sum(len(os.listdir(f"/proc/{pid}/task")) for pid in pids),
        sum(len(names) for _, _, names in os.walk(folder)),
    )


def memory(root: int) -> int:
    """Sum the bytes of memory that belong to the tree alone or in part."""
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE for pid in members(root))


def settled(look: Callable[[], Held], before: Held, patience: float = 20.0) -> dict[str, str]:
    """Look until the tree holds no more than before; give what it held beyond that at last.

    It may hold less: a client's socket that was counted before may have been closed since.
    """
    end = time.monotonic() + patience
    while (beyond := look().beyond(before)) and time.monotonic() < end:
        time.sleep(0.1)
    return beyond
