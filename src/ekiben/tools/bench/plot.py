"""Draw what was measured: throughput and latency against the load.

In: rows. Out: a picture, in the format that the file's name says.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.core.optional import need
from ekiben.tools.bench.report import Row


def draw(rows: Sequence[Row], path: Path, title: str) -> None:
    """Draw *rows* into *path*.

    Raises:
        MissingLibrary: matplotlib is not installed.
        ConfigError: the file cannot be written, or its name says no format.
    """
    figures: Any = need("matplotlib.figure", "`--plot`", extra="plot")
    is_open = any(row.rate is not None for row in rows)
    loads = [row.rate if row.rate is not None else row.concurrency for row in rows]
    figure = figures.Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(loads, [row.throughput for row in rows], marker="o")
    left.set(ylabel="answers a second", ylim=(0, None))
    for name in ("p50", "p95", "p99"):
        right.plot(loads, [getattr(row, name) * 1000 for row in rows], marker="o", label=name)
    right.set(ylabel="milliseconds", ylim=(0, None))
    right.legend()
    for axes in (left, right):
        axes.set(xlabel="requests a second, asked for" if is_open else "concurrency")
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"`--plot` must name a picture that can be written: {str(path)!r} ({error})",
            hint="write `--plot bench.png`",
        ) from error
