"""Hold the table of rows, and say what became of each.

In: `rows.txt`, the list that the rows come from (where it is present), and what pytest saw. Out: lines to print, and a
verdict. Pure but for reading the two files.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CASE = re.compile(r"test_(S\d{3})_(\d{2})_")
TABLE = Path(__file__).with_name("rows.txt")
STATES = ("tested", "pointer", "open")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the list."""

    id: str  # S000-04
    state: str  # of STATES
    title: str
    reason: str = ""  # why it is open, or where it points


@dataclass(frozen=True, slots=True)
class Report:
    """What to print, and whether anything is wrong."""

    lines: tuple[str, ...]
    failed: int


def read_rows(text: str) -> list[Row]:
    """Read the table: one row a line, fields between bars."""
    rows = [Row(*(part.strip() for part in line.split("|"))) for line in text.splitlines() if line.startswith("S")]
    for row in rows:
        if row.state not in STATES:
            raise ValueError(f"the state of {row.id} must be one of {', '.join(STATES)}: {row.state!r}")
        if row.state != "tested" and not row.reason:
            raise ValueError(f"{row.id} is {row.state} and says no reason")
    return rows


def read_ids(text: str) -> list[str]:
    """Read the ids of the list itself, without the second table that speaks of some of them again."""
    found = re.findall(r"^\| (S\d{3}-\d{2}) \|", text, re.MULTILINE)
    return list(dict.fromkeys(found))


def row_of(case: str) -> str | None:
    """Give the row that a test function is named after: `test_S000_04_…` is S000-04."""
    match = CASE.search(case)
    return f"{match[1]}-{match[2]}" if match else None


def compare(rows: Iterable[Row], ids: Iterable[str]) -> list[str]:
    """Say where the table and the list differ."""
    ours, theirs = {row.id for row in rows}, set(ids)
    missing = [f"{row} is in the list and not in rows.txt" for row in sorted(theirs - ours)]
    return missing + [f"{row} is in rows.txt and not in the list" for row in sorted(ours - theirs)]


def judge(rows: Iterable[Row], outcomes: Mapping[str, list[tuple[str, str]]], *, whole: bool) -> Report:
    """Say of each row what became of it.

    Args:
        rows: the table.
        outcomes: by row, what each of its cases ended with: "passed", "failed" or "skipped", and why.
        whole: the whole suite ran, so a tested row without a case is a failure; else it is left out.
    """
    lines, totals = [], dict.fromkeys(("passed", "failed", "open", "pointer"), 0)
    for row in rows:
        seen = outcomes.get(row.id, [])
        if not seen and not whole:
            continue
        verdict, note = say(row, seen)
        totals[verdict] += 1
        lines.append(f"{row.id}  {verdict:<7}  {row.title}" + (f" ({note})" if note else ""))
    for id in sorted(set(outcomes) - {row.id for row in rows}):
        totals["failed"] += 1
        lines.append(f"{id}  failed   a case names this row, and rows.txt does not have it")
    lines.append(
        ", ".join(f"{count} {verdict}" for verdict, count in totals.items()) + f" of {sum(totals.values())} rows"
    )
    return Report(tuple(lines), totals["failed"])


def say(row: Row, seen: list[tuple[str, str]]) -> tuple[str, str]:
    """Give the verdict on one row and a note on it."""
    if row.state == "tested" and not seen:
        return "failed", "no case is named after it"
    if row.state != "tested" and seen:
        return "failed", f"rows.txt calls it {row.state}, and there is a case"
    if row.state != "tested":
        return row.state, row.reason
    worst = [(outcome, why) for outcome, why in seen if outcome != "passed"]
    if not worst:
        return "passed", ""
    failures = [(outcome, why) for outcome, why in worst if outcome == "failed"]
    outcome, why = (failures or worst)[0]
    return "failed" if outcome == "failed" else "open", why
