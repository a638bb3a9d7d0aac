"""PyTorch in real servers: stored modules without code, tensors as arguments and between services."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ekiben.pytorch
from ekiben.schema.wire.raw import NPY, write_npy
from tests.libraries import later
from tests.servers import Running, serving

torch: Any = later("torch")

pytestmark = [pytest.mark.heavy, pytest.mark.torch, pytest.mark.timeout(400)]

ROWS = np.random.default_rng(0).random((40, 4), dtype=np.float32)
SERVICE = """
from typing import Annotated
import ekiben, torch
from ekiben.validators import ContentType, DType, Shape

@ekiben.service
class Model:
    def __init__(self):
        self.net = ekiben.models.get("net").load_model()

    @ekiben.api(batchable=True)
    def predict(self, rows: Annotated[torch.Tensor, Shape((-1, 4)), DType("float32")]) -> torch.Tensor:
        assert isinstance(rows, torch.Tensor)
        with torch.inference_mode():
            return self.net(rows)

    @ekiben.api
    def halves(self, rows: torch.Tensor) -> Annotated[torch.Tensor, ContentType("application/octet-stream")]:
        return rows.half()

@ekiben.service
class Front:
    model = ekiben.depends(Model)

    @ekiben.api
    async def narrow(self, rows: torch.Tensor) -> torch.Tensor:
        answer = await self.model.to_async.predict(rows=rows)
        assert isinstance(answer, torch.Tensor)
        return answer.bfloat16()
"""


@pytest.fixture
def net() -> Any:
    """A small network that drops half of its numbers while it learns."""
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 3))


def expected(net: Any) -> Any:
    with torch.inference_mode():
        return net.eval()(torch.as_tensor(ROWS)).numpy()


def ask(server: Running, path: str, body: Any) -> Any:
    answer = server.http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return np.asarray(answer.json(), dtype=np.float32)


def test_a_stored_module(net: Any) -> None:
    """Served without code: forty requests at once are joined, answered right, and a wrong one is the caller's fault."""
    ekiben.pytorch.save_model("net", net, sample=ROWS[:2])
    with serving("net:latest") as server:
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda row: ask(server, "/predict", [row.astype(float).tolist()]), ROWS))
        assert np.abs(np.concatenate(answers) - expected(net)).max() < 1e-5
        raw = server.http.post("/predict", content=write_npy(np, ROWS), headers={"content-type": NPY})
        assert np.abs(np.asarray(raw.json()) - expected(net)).max() < 1e-5
        assert server.http.post("/predict", json=[[1, 2]]).status_code == 400
        assert "Traceback" not in server.log


def test_a_module_without_a_sample(net: Any) -> None:
    """Without a sample whatever the module refuses is 400 with its words, and the server goes on."""
    ekiben.pytorch.save_model("net", net)
    with serving("net:latest") as server:
        wrong = server.http.post("/predict", json=[[1.0, 2.0]])
        assert wrong.status_code == 400, wrong.text
        assert "does not take this value" in wrong.text
        assert "shapes" in wrong.text
        assert np.abs(ask(server, "/predict", ROWS.astype(float).tolist()) - expected(net)).max() < 1e-5


def test_several_arguments_and_answers() -> None:
    """A dictionary as sample names the arguments; an answer of several parts becomes lists."""
    torch.manual_seed(0)
    model = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    sample = {name: [[[1.0, 2.0, 3.0, 4.0]] * 3] for name in ("query", "key", "value")}
    ekiben.pytorch.save_model("attention", model, sample=sample)
    with serving("attention:latest") as server:
        answer = server.http.post("/predict", json=sample)
        assert answer.status_code == 200, answer.text
        values, weights = answer.json()
        assert (np.shape(values), np.shape(weights)) == ((1, 3, 4), (1, 3, 3))
        assert server.http.post("/predict", json={"query": [[[1.0]]]}).status_code == 400


def test_tensors_in_a_service(net: Any, tmp_path: Path) -> None:
    """Tensors as arguments and answers: JSON, `.npy` and raw bytes, in batches, and from process to process."""
    ekiben.pytorch.save_model("net", net)
    (tmp_path / "service.py").write_text(SERVICE)
    with serving("service:Model", cwd=tmp_path) as server:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda row: ask(server, "/predict", {"rows": [row.astype(float).tolist()]}), ROWS))
        assert np.abs(np.concatenate(answers) - expected(net)).max() < 1e-5
        for content, kind in ((write_npy(np, ROWS), NPY), (ROWS.tobytes(), "application/octet-stream")):
            raw = server.http.post("/predict", content=content, headers={"content-type": kind})
            assert raw.status_code == 200, raw.text
            assert np.abs(np.asarray(raw.json()) - expected(net)).max() < 1e-5
        wrong = server.http.post("/predict", json={"rows": [[1.0]]})
        assert wrong.status_code == 400
        assert "rows" in wrong.text
        halves = server.http.post("/halves", json={"rows": [0.5, 2.0]})
        assert np.frombuffer(halves.content, np.float16).tolist() == [0.5, 2.0]
    with serving("service:Front", cwd=tmp_path) as server:
        found = ask(server, "/narrow", {"rows": ROWS.astype(float).tolist()})
        assert np.abs(found - expected(net)).max() < 0.02
