"""The simulation of batching rules that docs/batching.md reports."""

import importlib.util
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "bench" / "simulate.py"


@pytest.fixture(scope="module")
def simulation() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("simulate_batching", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def forest(simulation: Any) -> Any:
    return simulation.MODELS[0]


@pytest.mark.parametrize("rule", ["Ekiben", "BentoML (as described)", "window of 1 ms", "window of 10 ms"])
def test_every_call_is_answered_once(simulation: Any, rule: str) -> None:
    """Below capacity each call that comes is answered, none twice, whatever the rule."""
    model = forest(simulation)
    arrivals = simulation.Arrivals(iter([*(0.001 * n for n in range(1000)), 10.0, 20.0]))
    outcome = simulation.simulate(model, simulation.RULES[rule](model), arrivals, 3.0, -1.0)
    assert (len(outcome.latencies), outcome.refused) == (1000, 0)
    assert min(outcome.latencies) >= model.cost(1)


def test_a_lone_client_waits_for_nobody(simulation: Any) -> None:
    """By our rule one client gets what the model alone would give; by a window it waits each time."""
    model = forest(simulation)
    ours = simulation.simulate(model, simulation.Ours(), simulation.Arrivals(None, 1, 0.0005), 2.0, 0.0)
    assert max(ours.latencies) == pytest.approx(model.cost(1))
    window = simulation.simulate(model, simulation.Window(0.01), simulation.Arrivals(None, 1, 0.0005), 2.0, 0.0)
    assert min(window.latencies) == pytest.approx(model.cost(1) + 0.01)


def test_clients_who_return_make_whole_batches(simulation: Any) -> None:
    """By our rule 64 clients meet in batches of 64; where nobody waits for them they may go on in halves."""
    model = forest(simulation)
    ours = simulation.simulate(model, simulation.Ours(), simulation.Arrivals(None, 64, 0.0005), 4.0, 2.0)
    assert ours.mean_batch > 60
    none = simulation.simulate(model, simulation.Window(0.0), simulation.Arrivals(None, 64, 0.0005), 4.0, 2.0)
    assert none.mean_batch < 60


def test_overload(simulation: Any) -> None:
    """Past capacity our rule still runs full batches, and what is answered is in time."""
    model = forest(simulation)
    arrivals = simulation.Arrivals(simulation.poisson(2 * model.capacity))
    outcome = simulation.simulate(model, simulation.Ours(), arrivals, 4.0, 2.0)
    assert outcome.rate == pytest.approx(model.capacity, rel=0.02)
    assert outcome.refused > 0
    assert max(outcome.latencies) <= simulation.SPEC.max_latency + 1e-9


def test_bentoml_as_described(simulation: Any) -> None:
    """Its dispatcher decides at ticks only, and drops the head by the length of the whole queue."""
    rule = simulation.Bentoml(simulation.Model("m", 0.010, 0.005))
    assert rule.pause(simulation.State(0.0005, deque([0.0004]))) == pytest.approx(0.0005)
    full = simulation.State(0.001, deque([0.0] * 64))
    assert rule.pause(full) == 0.0
    assert rule.drop(simulation.State(0.001, deque([0.0] * 250))) == 53, "0.001 + 0.005 n + 0.010 < 1.0 from n = 197 on"
    rule.observe(1, 0.015, [0.1])
    assert rule.pause(simulation.State(0.001, deque([0.001]))) == 0.001, "1 · (0 + 0.001 + 0.005) ≤ 0.95 · 0.1"


def test_the_whole(simulation: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """The command prints both tables and draws the picture."""
    pytest.importorskip("matplotlib", reason="the extra `plot`")
    monkeypatch.setattr(sys, "argv", ["simulate.py", "--seconds", "0.2", "--plot", str(tmp_path / "out.png")])
    simulation.main()
    printed = capsys.readouterr().out
    assert printed.count("| Ekiben |") == 4
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
