"""Measure what needs no load: how long an import and `--help` take, as whole processes.

In: the interpreters of the peers. Out: medians with spread, in milliseconds, with a bare Python beside them.
"""

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

Figure = tuple[float, float, float]  # median, least, most; milliseconds


def measure_static(pythons: Mapping[str, Path], rounds: int) -> dict[str, Figure]:
    """Time each command *rounds* times, in turns, after one that fills the caches."""
    commands: dict[str, Sequence[str]] = {}
    for name, python in pythons.items():
        if python.exists():
            commands[f"`python -c pass` ({name}'s environment)"] = (str(python), "-c", "pass")
            commands[f"`import {name}`"] = (str(python), "-c", f"import {name}")
            commands[f"`{name} --help`"] = (str(python.parent / name), "--help")
    times: dict[str, list[float]] = {label: [] for label in commands}
    for turn in range(rounds + 1):
        for label, command in commands.items():
            begin = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True, timeout=120)
            if turn:
                times[label].append((time.perf_counter() - begin) * 1e3)
    return {label: (statistics.median(values), min(values), max(values)) for label, values in times.items()}
