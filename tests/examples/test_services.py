"""The examples of docs/services.md are served, and answer as the page says."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import serving

FOLDER = Path(__file__).parents[2] / "examples" / "services"


@pytest.mark.parametrize(
    ("target", "route", "body", "status", "answer"),
    [
        ("greeter.py:Greeter", "/greet", {"name": "Ada"}, 200, "Hello, Ada!"),
        ("lifecycle.py:Visits", "/visit", {"name": "Ada"}, 201, "visit 1"),
        ("batching.py:Squares", "/square", {"x": [[1, 2], [3, 4]]}, 200, "[[1,4],[9,16]]"),
        ("policy.py:Scorer", "/score", {"x": [[0.1, 0.2], [0.8, 0.9]]}, 200, "[false,true]"),
        ("policy.py:Scorer", "/score", {"x": [[0.1, 0.2]], "threshold": 0.1}, 200, "[true]"),
        ("apart.py:Scorer", "/score", {"rows": [[1, 2], [3, 4]]}, 200, "[3,7]"),
        ("tokens.py:Writer", "/write", {"words": ["a", "b"]}, 200, "a b "),
        ("tokens.py:Writer", "/letters", {"word": "a"}, 200, '{"place":0,"letter":"a"}\n'),
        (
            "tokens.py:Writer",
            "/chat",
            {"text": "a"},
            200,
            'event: token\nid: 0\ndata: a\n\nevent: done\ndata: {"words":1}\n\n',
        ),
        ("pipeline.py:Counter", "/count", {"text": "one two three"}, 200, "3"),
    ],
)
def test_examples(target: str, route: str, body: dict[str, object], status: int, answer: str) -> None:
    """Each example starts, is ready, answers, and leaves at Ctrl-C with 0."""
    with serving(target, cwd=FOLDER) as server:
        found = server.http.post(route, json=body)
        assert (found.status_code, found.text) == (status, answer)
        assert server.stop() == 0


def test_reading_tokens() -> None:
    """The example of reading streams prints what comes."""
    with serving("tokens.py:Writer", cwd=FOLDER) as server:
        said = subprocess.run(
            [sys.executable, "read_tokens.py", server.url], cwd=FOLDER, capture_output=True, text=True, timeout=60
        )
        assert said.returncode == 0, said.stderr
        assert said.stdout == "one two \ntoken three\ntoken four\ndone {'words': 2}\n"


def test_items() -> None:
    """The example of arguments in URLs answers as the page says."""
    with serving("items.py:Shelf", cwd=FOLDER) as server:
        assert server.http.get("/items/1").text == "first"
        assert server.http.put("/items/1", json={"name": "new"}).text == "new"
        assert server.http.get("/items/3").status_code == 404
        assert server.http.get("/items/three").status_code == 400
        assert server.http.get("/search", params={"text": "e", "limit": 1}).json() == ["new"]
