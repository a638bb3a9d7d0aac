"""The example of docs/monitoring.md keeps a record of each call."""

import json
import shutil
from pathlib import Path

from tests.servers import serving

SERVICE = Path(__file__).parents[2] / "examples" / "monitored" / "service.py"


def test_monitored(tmp_path: Path) -> None:
    """Each answer is a line with its request's id; what waits is written before the server has stopped."""
    shutil.copy(SERVICE, tmp_path)
    with serving("service.py", cwd=tmp_path) as server:
        server.http.post("/size", json={"x": 12}, headers={"x-request-id": "r1"})
        server.http.post("/sizes", json={"x": [3, 30]})
        assert server.stop() == 0
    (data,) = (tmp_path / "monitoring/sizes/data").glob("data.*.log")
    records = [json.loads(line) for line in data.read_text().splitlines()]
    assert [(record["x"], record["size"]) for record in records] == [(12, "large"), (3, "small"), (30, "large")]
    assert records[0]["request_id"] == "r1"
    (schema,) = (tmp_path / "monitoring/sizes/schema").glob("schema.*.log")
    assert json.loads(schema.read_text())["columns"][1] == {
        "name": "size", "role": "prediction", "data_type": "categorical",
    }  # fmt: skip
