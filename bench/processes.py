"""Start a server on one core, and read what its whole process tree costs.

In: a command. Out: CPU seconds and memory, from `/proc`. Linux only.
"""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

STARTING = (404, 502, 503)  # what a server may answer before it is ready
TICKS = os.sysconf("SC_CLK_TCK")


def start(command: Sequence[str], env: Mapping[str, str], core: int | None) -> subprocess.Popen[bytes]:
    """Start *command* in a session of its own, bound to *core*; its output goes to a file beside the results."""
    pinned = ["taskset", "--cpu-list", str(core), *command] if core is not None else list(command)
    with Path(env["BENCH_LOG"]).open("ab") as log:
        return subprocess.Popen(pinned, env=dict(env), stdout=log, stderr=log, start_new_session=True)


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a server and everything that it started."""
    family = tree(server.pid)
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def tree(root: int) -> list[int]:
    """List a process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(root: int) -> float:
    """Sum user and system time of a process tree, in seconds."""
    total = 0
    for pid in tree(root):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(root: int) -> float:
    """Sum the resident memory of a process tree, in MB."""
    pages = 0
    for pid in tree(root):
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def first_answer(
    server: subprocess.Popen[bytes], url: str, body: bytes, media: str, *, patience: float
) -> tuple[float, bytes]:
    """Ask until there is an answer of 200; give the seconds that it took, and the answer.

    Raises:
        TimeoutError: there was none within *patience* seconds.
        ChildProcessError: the server ended.
        ValueError: the answer was an error that no start explains.
    """
    begin = time.perf_counter()
    last: Any = None
    while time.perf_counter() - begin < patience:
        if server.poll() is not None:
            raise ChildProcessError(f"the server ended with code {server.returncode}")
        request = urllib.request.Request(url, body, {"content-type": media})
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                return time.perf_counter() - begin, answer.read()
        except urllib.error.HTTPError as error:
            if error.code not in STARTING:
                raise ValueError(f"{url} answered {error.code}: {error.read()[:500]!r}") from error
            last = error
            time.sleep(0.01)
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            last = error
            time.sleep(0.01)
    raise TimeoutError(f"{url} gave no answer within {patience:g} s: {last}")
