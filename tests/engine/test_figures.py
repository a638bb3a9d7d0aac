"""Figures of several workers are added up, and what was once told never falls."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.engine import figures
from ekiben.engine.figures import Totals, read

LABELS = {"endpoint": "/add"}


def counter(value: float, name: str = "calls", **labels: str) -> list[Any]:
    return [name, "counter", "Calls.", "sum", [[f"{name}_total", {**LABELS, **labels}, value]]]


def gauge(value: float, rule: str, name: str = "inside") -> list[Any]:
    return [name, "gauge", "Now.", rule, [[name, LABELS, value]]]


def histogram(*counts: float, edges: tuple[str, ...] = ("0.1", "+Inf")) -> list[Any]:
    buckets = [["s_bucket", {**LABELS, "le": edge}, count] for edge, count in zip(edges, counts, strict=True)]
    return ["s", "histogram", "Seconds.", "sum", [*buckets, ["s_count", LABELS, counts[-1]], ["s_sum", LABELS, 1.5]]]


def told(number: int, *families: list[Any]) -> dict[str, Any]:
    """What a worker says, as it comes out of JSON."""
    found: dict[str, Any] = json.loads(json.dumps({"number": number, "families": families}))
    return found


def values(totals: Totals) -> dict[tuple[str, ...], float]:
    """The sums, by the sample's name and the values of its labels."""
    return {
        (name, *labels.values()): value
        for _, _, _, _, samples in json.loads(json.dumps(totals.families()))
        for name, labels, value in samples
    }


def test_what_grows_is_summed() -> None:
    """Counters, histograms and summaries of all workers are added up, series by series."""
    totals = Totals()
    totals.take("a", "0", told(0, counter(3), histogram(1, 2), ["m", "summary", "", "sum", [["m_sum", LABELS, 0.5]]]))
    totals.take("b", "1", told(0, counter(4), histogram(5, 6), counter(1, "other"), ["m", "summary", "", "sum", []]))
    found = values(totals)
    assert found[("calls_total", "/add")] == 7
    assert (found[("s_bucket", "/add", "0.1")], found[("s_bucket", "/add", "+Inf")]) == (6, 8)
    assert (found[("s_count", "/add")], found[("s_sum", "/add")]) == (8, 3.0)
    assert (found[("m_sum", "/add")], found[("other_total", "/add")]) == (0.5, 1)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param("sum", {("inside", "/add"): 5}, id="a gauge of ours is summed"),
        pytest.param("max", {("inside", "/add"): 3}, id="of a time the latest counts"),
        pytest.param("each", {("inside", "/add", "0"): 2, ("inside", "/add", "1"): 3}, id="another's stays apart"),
    ],
)
def test_gauges(rule: str, expected: dict[tuple[str, ...], float]) -> None:
    """A gauge is added up, or its latest counts, or it stands once for each worker."""
    totals = Totals()
    totals.take("a", "0", told(0, gauge(2, rule)))
    totals.take("b", "1", told(0, gauge(3, rule)))
    assert values(totals) == expected


def test_labels_that_are_taken() -> None:
    """A gauge with a label `worker` of its own keeps it; no two samples get the same labels."""
    totals = Totals()
    for index in "01":
        totals.take(index, index, told(0, ["g", "gauge", "", "each", [["g", {"worker": "blue"}, 1]]]))
    labels = [sample[1] for sample in totals.families()[0][4]]
    assert labels == [{"worker": "blue", "ekiben_worker": "0"}, {"worker": "blue", "ekiben_worker": "1"}]


def test_quantiles_and_beginnings() -> None:
    """Quantiles cannot be added and stay apart; of the times since when a series counts, the first holds."""
    totals = Totals()
    for place, since in (("0", 9.0), ("1", 5.0)):
        samples = [["m", {"quantile": "0.5"}, 1.0], ["m_count", {}, 2], ["m_created", {}, since]]
        totals.take(place, place, told(0, ["m", "summary", "", "each", samples]))
    assert values(totals) == {("m", "0.5", "0"): 1.0, ("m", "0.5", "1"): 1.0, ("m_count",): 4, ("m_created",): 5.0}


def test_the_gone_still_count() -> None:
    """What a worker had told is kept when it ends, but for what was true of it only while it lived."""
    totals = Totals()
    every = (counter(3), histogram(1, 2), gauge(2, "sum"), gauge(7, "max", "last"), gauge(1, "each", "own"))
    for worker in ("a", "b"):
        totals.take(worker, "0", told(0, *every))
        totals.end(worker)
        totals.end(worker)
    totals.take("c", "0", told(0, counter(1), gauge(1, "sum")))
    assert values(totals) == {
        ("calls_total", "/add"): 7,
        ("s_bucket", "/add", "0.1"): 2,
        ("s_bucket", "/add", "+Inf"): 4,
        ("s_count", "/add"): 4,
        ("s_sum", "/add"): 3.0,
        ("last", "/add"): 7,
        ("inside", "/add"): 1,
    }


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["count", "count", "tell", "end"])), min_size=1, max_size=40
    )
)
def test_no_sum_falls(steps: list[tuple[str, str]]) -> None:
    """Whoever counts, tells, ends and is replaced: the sum never falls, and is all that was ever told."""
    totals, counts, highest, kept = Totals(), dict.fromkeys("abc", 0), 0.0, 0
    said = dict.fromkeys("abc", 0)
    for number, (worker, step) in enumerate(steps):
        if step == "count":
            counts[worker] += 1
        elif step == "tell":
            totals.take(worker, worker, told(number, counter(counts[worker])))
            said[worker] = counts[worker]
        else:
            totals.end(worker)
            kept += said[worker]
            counts[worker] = said[worker] = 0
        found = values(totals).get(("calls_total", "/add"), 0)
        assert found == kept + sum(said.values())
        assert found >= highest
        highest = found


def test_what_is_older_is_passed_over() -> None:
    """Figures that come after newer ones of the same worker change nothing."""
    totals = Totals()
    totals.take("a", "0", told(5, counter(9)))
    totals.take("a", "0", told(4, counter(3)))
    assert values(totals) == {("calls_total", "/add"): 9}


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(histogram(1, 1, 4, edges=("0.1", "0.5", "+Inf")), id="other buckets"),
        pytest.param(["s", "gauge", "", "sum", [["s_count", LABELS, 4]]], id="another type"),
    ],
)
def test_a_metric_that_changed_begins_anew(after: list[Any]) -> None:
    """A reload that changes a metric's buckets or type starts it afresh, in place of a sum that means nothing."""
    totals = Totals()
    totals.take("old", "0", told(0, histogram(2, 3)))
    totals.end("old")
    totals.take("new", "0", told(0, after))
    assert values(totals)[("s_count", "/add")] == 4
    assert ("s_bucket", "/add", "0.5") in values(totals) or len(values(totals)) == 1


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the series of the gone the first are forgotten beyond a limit, a histogram's samples all together."""
    monkeypatch.setattr(figures, "KEPT", 5)
    totals = Totals()
    totals.take("a", "0", told(0, histogram(1, 2), counter(1)))
    totals.end("a")
    assert len(values(totals)) == 5
    totals.take("b", "0", told(0, counter(1, "later")))
    totals.end("b")
    assert values(totals) == {("calls_total", "/add"): 1, ("later_total", "/add"): 1}


def test_odd_numbers() -> None:
    """What is not finite comes through as it is."""
    totals = Totals()
    totals.take("a", "0", told(0, gauge(math.inf, "each"), gauge(math.nan, "each", "other")))
    found = values(totals)
    assert found[("inside", "/add", "0")] == math.inf
    assert math.isnan(found[("other", "/add", "0")])


@pytest.mark.parametrize(
    "given_",
    [
        pytest.param(None, id="nothing"),
        pytest.param({"a": 1}, id="an object"),
        pytest.param([["name", "counter"]], id="too few"),
        pytest.param([["n", "counter", "", "cube", []]], id="a rule that there is not"),
        pytest.param([["n", "counter", "", "sum", [["n", {}, "1"]]]], id="a number as text"),
        pytest.param([["n", "counter", "", "sum", [["n", {}, True]]]], id="no number"),
        pytest.param([["n", "counter", "", "sum", [["n", ["a"], 1]]]], id="labels that are no object"),
        pytest.param([["n", "counter", "", "sum", 5]], id="samples that are no list"),
        pytest.param([["n", "counter", "", "sum", [["n", {}, [[]]]]]], id="a list for a number"),
    ],
)
def test_nonsense_is_refused(given_: Any) -> None:
    """Whatever a worker sends in place of figures is a ValueError, and what was known stays."""
    with pytest.raises(ValueError):  # noqa: PT011 - Python's words for some, ours for others
        read(given_)
    totals = Totals()
    totals.take("a", "0", told(0, counter(3)))
    with pytest.raises(ValueError):  # noqa: PT011
        totals.take("a", "0", {"number": 1, "families": given_})
    with pytest.raises(ValueError, match="number"):
        totals.take("a", "0", {"number": "1", "families": []})
    assert values(totals) == {("calls_total", "/add"): 3}
