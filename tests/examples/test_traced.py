"""The example of docs/tracing.md traces into the provider that it sets."""

from pathlib import Path

from tests.servers import serving

FOLDER = Path(__file__).parents[2] / "examples" / "traced"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_traced() -> None:
    """A call within a trace is exported with the user's span below it, at the latest when the server stops."""
    with serving("service.py", cwd=FOLDER) as server:
        answer = server.http.post("/greet", json={"name": "Ada"}, headers={"traceparent": TRACEPARENT})
        assert answer.text == "Hello, Ada!"
        assert server.stop() == 0
        found = server.log
    assert '"name": "POST /greet"' in found
    assert '"name": "words"' in found
    assert "0af7651916cd43dd8448eb211c80319c" in found
