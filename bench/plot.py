"""Draw measurements: one row of bars a case, from zero on.

In: the rows of `run.py`. Out: a PNG file.
"""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peers import ALONE, CASES

OURS, OTHERS = "#c2410c", "#94a3b8"


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw answers a second by case and peer into *path*."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    cases = list(dict.fromkeys(row["case"] for row in rows))
    figure, axes = pyplot.subplots(len(cases), 1, figsize=(9, 2.4 * len(cases)), squeeze=False, layout="constrained")
    for axis, case in zip(axes[:, 0], cases, strict=True):
        peers = dict.fromkeys(row["peer"] for row in rows if row["case"] == case and row["peer"] != ALONE)
        rates = {p: [row["rps"] for row in rows if row["case"] == case and row["peer"] == p] for p in peers}
        order = sorted(rates, key=lambda peer: statistics.median(rates[peer]))
        middles = [statistics.median(rates[peer]) for peer in order]
        spread = [[m - min(rates[p]) for m, p in zip(middles, order, strict=True)]]
        spread.append([max(rates[p]) - m for m, p in zip(middles, order, strict=True)])
        colours = [OURS if peer.startswith("ekiben") else OTHERS for peer in order]
        bars = axis.barh(order, middles, xerr=spread, color=colours, ecolor="#475569")
        axis.bar_label(bars, labels=[f"{value:,.0f}" for value in middles], padding=6, fontsize=8)
        axis.set(title=f"{case}: {CASES[case].title}, c={CASES[case].concurrency}", xlabel="answers a second")
        axis.margins(x=0.15)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
