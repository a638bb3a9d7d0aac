"""A service class, served by a real process."""

from pathlib import Path

from tests.servers import serving

SERVICE = """
from __future__ import annotations
import ekiben

@ekiben.service
class Echo:
    @ekiben.api
    def double(self, number: int) -> int:
        return number * 2
"""


def test_served_class(tmp_path: Path) -> None:
    """`ekiben serve file.py:Class` answers calls of its endpoints."""
    (tmp_path / "echo.py").write_text(SERVICE)
    with serving("echo.py:Echo", cwd=tmp_path) as server:
        answer = server.http.post("/double", json={"number": 21})
    assert (answer.status_code, answer.json()) == (200, 42)
