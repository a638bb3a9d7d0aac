"""What Ekiben is held to, as ratios within one run, and whether they held.

In: the rows of `run.py`. Out: a table: the rate that was asked for against a rival's, the one that was measured.
Rates are judged by the median of all rounds; a ratio that some round of its own misses, or reaches, is "within the
spread", which is neither held nor missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from peers import ALONE

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Budget:
    """One promise: in a case, *peer* makes at least *ratio* times the answers of *rival*."""

    case: str
    peer: str
    rival: str
    ratio: float


BUDGETS = (
    Budget("noop", "ekiben", "uvicorn-constant", 2.0),
    Budget("noop", "ekiben", "mosec", 6.0),
    Budget("noop", "ekiben", "bentoml", 80.0),
    Budget("iris-batched", "ekiben", "mosec", 1.8),
    Budget("iris-batched", "ekiben", "bentoml", 60.0),
    Budget("forest-batched", "ekiben", ALONE, 0.9),
    Budget("iris", "ekiben", "uvicorn", 1.0),
    Budget("iris-lone", "ekiben-batched", "ekiben-alone", 1.0),
    Budget("array-json", "ekiben", "mlserver", 2.0),
    Budget("array-binary", "ekiben", "blacksheep", 1.5),
    Budget("array-binary", "ekiben", "bentoml", 8.0),
    Budget("image", "ekiben", "mosec", 1.0),
    Budget("image", "ekiben", "bentoml", 4.0),
    Budget("stream", "ekiben-stream", "fastapi", 2.0),
    Budget("stream", "ekiben-stream", "bentoml", 10.0),
    Budget("pipeline", "ekiben-pipeline", "mosec", 2.0),
    Budget("pipeline", "ekiben-pipeline", "bentoml-pipeline", 25.0),
)


def budget_table(rows: Rows) -> str:
    """Give the table of all budgets whose two peers were measured."""
    lines = [
        "## Budgets",
        "",
        "| case | against | asked | measured (min-max of the rounds) | |",
        "|---|---|---|---|---|",
    ]
    for budget in BUDGETS:
        found = ratios(rows, budget)
        if found:
            middle, least, most = found
            lines.append(
                f"| {budget.case}{'' if budget.peer == 'ekiben' else f' ({budget.peer})'} | {budget.rival} "
                f"| {budget.ratio:g} × | {middle:.2f} × ({least:.2f}-{most:.2f}) | {verdict(budget, *found)} |"
            )
    return "\n".join([*lines, ""])


def verdict(budget: Budget, middle: float, least: float, most: float) -> str:
    """Judge one budget."""
    if least >= budget.ratio:
        return "held"
    if most < budget.ratio:
        return "missed"
    return "within the spread"


def ratios(rows: Rows, budget: Budget) -> tuple[float, float, float] | None:
    """Give the ratio of the medians, and the least and the greatest of one round; None: not measured."""
    ours, theirs = by_round(rows, budget.case, budget.peer), by_round(rows, budget.case, budget.rival)
    if not ours or not theirs:
        return None
    each = sorted(rate / theirs[turn] for turn, rate in ours.items() if turn in theirs)
    return median(ours.values()) / median(theirs.values()), each[0], each[-1]


def by_round(rows: Rows, case: str, peer: str) -> dict[int, float]:
    """Give a peer's answers a second, by round."""
    return {row["round"]: row["rps"] for row in rows if row["case"] == case and row["peer"] == peer}
