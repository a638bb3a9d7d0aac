"""A pickle is sent to every socket that our processes have open: from the front, workers, dependencies and tasks."""

import time
from pathlib import Path

import httpx
import pytest

from tests.servers import Running, serving

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WAYS = {
    "outer": ("POST", "/attack"),
    "inner": ("POST", "/attack_inner"),
    "task": ("POST", "/attack_task"),
    "front": ("GET", "/front/attack"),
}


def attack(running: Running, name: str, framed: bool) -> None:
    """Let a process of the server attack; its answer may be lost, or come behind a pickle."""
    method, path = WAYS[name]
    body = {"json": {"framed": framed}} if method == "POST" else {"params": {"framed": str(framed)}}
    try:
        running.http.request(method, path, **body)  # type: ignore[arg-type]  # mypy: joins the two forms
    except httpx.HTTPError:
        assert running.process.poll() is None, running.log


def until_answered(running: Running) -> None:
    """Wait until the service answers again."""
    end = time.monotonic() + 60
    while True:
        try:
            if running.http.post("/echo", json={"x": 3}).text == "3":
                return
        except httpx.HTTPError:
            assert running.process.poll() is None, running.log
        assert time.monotonic() < end, running.log
        time.sleep(0.1)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("layout", "framed"),
    [
        pytest.param("inline", True, id="one process, and that of a task"),
        pytest.param("apart", False, id="workers apart, a bare pickle"),
        pytest.param("apart", True, id="workers apart, with its length before it"),
        pytest.param("replicas", False, id="replicas and their supervisor"),
    ],
)
def test_a_pickle_to_every_socket(tmp_path: Path, layout: str, framed: bool) -> None:
    """No process loads it, and the server answers on, with new workers where need be."""
    made = tmp_path / "made"
    env = {"ATTACKED": str(made), "EKIBEN_SERVICES__OUTER__LAYOUT": layout, "EKIBEN_TASKS__FOLDER": str(tmp_path)}
    with serving("tests.engine.attacked:Outer", cwd=ROOT, env=env) as running:
        until_answered(running)
        for name in WAYS:
            attack(running, name, framed)
            until_answered(running)
            assert not made.exists(), f"the attack of {name} was loaded"
        assert all(int((tmp_path / name).read_text()) > 0 for name in WAYS), "a process has no socket"
