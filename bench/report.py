"""Write measurements as Markdown.

In: the rows of `run.py`. Out: the text of `docs/benchmarks.md`: medians with spread, ratios, versions, losses included.
"""

import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from budgets import budget_table
from peers import ALONE, CASES, PEERS
from static import Figure

TOKENS = 100  # of one stream

HEAD = """# Benchmarks

Written by `make bench` on {day}; do not edit by hand (`bench/notes.md` is its prose). Compare ratios, not figures:
each table is one interleaved run, the server on one core and the load (wrk) on another, keep-alive connections, closed
loop, {rounds} rounds.
Ekiben runs with its defaults on: validation, metrics, request ids, access log.

- Machine: {machine}
- {versions}
- Command: `make bench`; one case alone: `python bench/run.py --cases noop --peers ekiben,mosec`

A ratio within the spread is "not shown". `CPU µs/req` is the CPU time of the server's whole process tree per answer:
the figure that a noisy machine disturbs least.

![Answers a second, by case and peer](benchmarks.png)

{notes}
"""
NOTES = Path(__file__).with_name("notes.md")  # what the figures say, by hand


def write_report(rows: Sequence[Mapping[str, Any]], static: Mapping[str, Figure], pythons: Mapping[str, Path]) -> str:
    """Give the whole document."""
    rounds = 1 + max(row["round"] for row in rows)
    used = sorted({row["peer"] for row in rows} - {ALONE})
    versions = ", ".join(sorted({version_of(name, pythons[name]) for name in used}))
    day = datetime.now(UTC).date().isoformat()
    notes = NOTES.read_text().strip()
    parts = [HEAD.format(day=day, rounds=rounds, machine=machine(), versions=versions, notes=notes), budget_table(rows)]
    for case in dict.fromkeys(row["case"] for row in rows):
        parts.append(case_table(case, [row for row in rows if row["case"] == case]))
    parts.append(start_table(rows))
    parts.append(static_table(static))
    return "\n".join(parts)


def case_table(case: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Give one case's table, the fastest first."""
    spec = CASES[case]
    found = by_peer(rows)
    base = middle(found[spec.floor], "rps") if spec.floor in found else None
    stream = spec.is_stream
    lines = [
        f"## {case}: {spec.title}, concurrency {spec.concurrency}",
        "",
        f"| peer | {'tokens/s' if stream else 'req/s'} (min-max) | × {spec.floor} "
        + "| p50 ms | p99 ms | CPU µs/req | errors |"
        + (" first token ms | reads per answer |" if stream else ""),
        "|---|---|---|---|---|---|---|" + ("---|---|" if stream else ""),
    ]
    for peer, of_peer in sorted(found.items(), key=lambda item: -middle(item[1], "rps")):
        rps = [row["rps"] * (TOKENS if stream else 1) for row in of_peer]
        ratio = "-" if base is None else f"{middle(of_peer, 'rps') / base:.2f}"
        lines.append(
            f"| {peer} | {figure(statistics.median(rps))} ({figure(min(rps))}-{figure(max(rps))}) | {ratio} "
            f"| {middle(of_peer, 'p50_ms'):.2f} | {middle(of_peer, 'p99_ms'):.2f} | {middle(of_peer, 'cpu_us'):.0f} "
            f"| {sum(row['errors'] for row in of_peer)} |"
            + (f" {middle(of_peer, 'first_p50_ms'):.2f} | {middle(of_peer, 'reads'):.0f} |" if stream else "")
        )
    return "\n".join([*lines, ""])


def by_peer(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Sort rows by who was measured."""
    return {peer: [row for row in rows if row["peer"] == peer] for peer in dict.fromkeys(row["peer"] for row in rows)}


def middle(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    """Give the median of one figure."""
    return statistics.median(row[key] for row in rows)


def figure(value: float) -> str:
    """Write a rate: small ones with a digit behind the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def start_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Give start time and memory without a model."""
    lines = [
        "## Start and memory, no model",
        "",
        "| peer | first answer s (min-max) | memory of the process tree MB |",
        "|---|---|---|",
    ]
    for peer in dict.fromkeys(row["peer"] for row in rows if row["case"] == "noop"):
        found = [row for row in rows if row["peer"] == peer and row["case"] == "noop"]
        ready = [row["ready_s"] for row in found]
        memory = statistics.median(row["memory_mb"] for row in found)
        lines.append(f"| {peer} | {statistics.median(ready):.2f} ({min(ready):.2f}-{max(ready):.2f}) | {memory:.0f} |")
    return "\n".join([*lines, ""])


def static_table(static: Mapping[str, Figure]) -> str:
    """Give the times of whole processes."""
    lines = ["## Import and help", "", "| what | ms (min-max) |", "|---|---|"]
    lines += [f"| {label} | {middle:.0f} ({least:.0f}-{most:.0f}) |" for label, (middle, least, most) in static.items()]
    return "\n".join([*lines, ""])


def machine() -> str:
    """Describe the processor, the kernel and the Python."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{model}, Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, wrk"


def version_of(name: str, python: Path) -> str:
    """Ask a peer's environment for its version."""
    package = PEERS[name].package
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    out = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    return f"{package} {out.strip()}"
