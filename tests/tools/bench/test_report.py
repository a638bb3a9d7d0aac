"""One line of advice follows from plain numbers."""

from typing import Any

import pytest

from ekiben.tools.bench.report import Facts, Row, advise


def row(**changes: Any) -> Row:
    """A step of a server that has one process, which is busy, on four CPUs."""
    base: dict[str, Any] = {
        "concurrency": 16, "rate": None, "seconds": 1.0, "throughput": 1000.0, "p50": 0.01, "p95": 0.02, "p99": 0.03,
        "answers": 1000, "server_cpu": 0.95, "busiest": 0.95, "client_cpu": 0.2,
    }  # fmt: skip
    return Row(**{**base, **changes})


SLOWER = row(concurrency=1, throughput=900.0)
FOUR = Facts(4, 1)


@pytest.mark.parametrize(
    ("rows", "facts", "words"),
    [
        pytest.param([], FOUR, "nothing was answered", id="no rows"),
        pytest.param([row(answers=0)], FOUR, "nothing was answered", id="no answers"),
        pytest.param([row(errors={"500": 100})], FOUR, "10% of the requests at concurrency 16 failed (500)", id="500"),
        pytest.param([row(errors={"429": 100})], FOUR, "raise `traffic.max_concurrency`", id="429"),
        pytest.param([row(errors={"503": 100})], FOUR, "the queue is too long", id="the queue"),
        pytest.param([row(errors={"504": 11})], FOUR, "raise `traffic.timeout`", id="the timeout"),
        pytest.param([row(errors={"500": 9})], FOUR, "`batchable=True`", id="few errors are no news"),
        pytest.param([row(client_cpu=0.95)], FOUR, "try `--clients 2`", id="a load that is busy itself"),
        pytest.param([row(client_cpu=1.2, clients=2)], FOUR, "`batchable=True`", id="a load with a second process"),
        pytest.param(
            [row(machine=0.99, others=1.5)], FOUR, "other programs used 1.5 CPUs meanwhile", id="others on the machine"
        ),
        pytest.param([row(machine=0.5, others=1.5)], FOUR, "`batchable=True`", id="others who leave enough"),
        pytest.param([row(concurrency=1, throughput=500), row()], FOUR, "try `--concurrency 64`", id="still rising"),
        pytest.param([SLOWER, row()], FOUR, "`batchable=True`", id="no longer rising"),
        pytest.param([row(server_cpu=None)], FOUR, "is the most; where the server runs here", id="a server elsewhere"),
        pytest.param([row(busiest=0.3, server_cpu=0.3)], FOUR, "mostly waits", id="a server that waits"),
        pytest.param([row()], FOUR, "else `workers=4`", id="one busy process without batches"),
        pytest.param([row(model=0.1)], FOUR, "busy with HTTP, not with the method: `workers=4`", id="a quick method"),
        pytest.param([row(model=0.8)], FOUR, "`batchable=True`", id="a slow method without batches"),
        pytest.param([row(model=0.8)], Facts(4, 1, batches=True), "keeps one process busy: `workers=4`", id="model"),
        pytest.param(
            [row(model=0.8, batch=4.0)], Facts(4, 1, batches=True), "hold 4 items while more wait: raise", id="small"
        ),
        pytest.param([row(model=0.8, batch=14.0)], Facts(4, 1, batches=True), "`workers=4`", id="whole batches"),
        pytest.param([row(model=0.2)], Facts(4, 1, batches=True), 'layout="apart"', id="batches, and busy with HTTP"),
        pytest.param([row(server_cpu=3.6)], FOUR, "the most that 4 CPUs give: less work", id="full"),
        pytest.param([row(server_cpu=3.6, model=0.9)], FOUR, "the model takes most of it", id="full of the model"),
        pytest.param([row(rate=1000.0)], FOUR, "it keeps up with 1000 requests a second, at a p99 of 30 ms", id="ok"),
        pytest.param([row(rate=2000.0)], FOUR, "2000 requests a second are more than it answers: 1000", id="too much"),
        pytest.param([row(rate=1000.0, unsent=3)], FOUR, "1000 requests a second are more than", id="unsent"),
    ],
)  # fmt: skip
def test_advise(rows: list[Row], facts: Facts, words: str) -> None:
    """The first thing that keeps a service from more is what is told."""
    assert words in advise(rows, facts)


def test_json() -> None:
    """A row as data has its times in milliseconds, and nothing that is unknown is a number."""
    told = row(errors={"429": 1}, server_cpu=None).to_json()
    assert (told["p50_ms"], told["p99_ms"], told["requests_per_second"]) == (10.0, 30.0, 1000.0)
    assert (told["errors"], told["server_cores"], told["mean_batch"]) == ({"429": 1}, None, None)
