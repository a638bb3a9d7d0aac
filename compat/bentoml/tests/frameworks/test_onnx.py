"""Models in the ONNX format travel as their file, and the service gets a session."""

from pathlib import Path
from typing import Any

import pytest
from bentoml.frameworks.onnx import OnnxModelArtifact

from compat.bentoml.tests.frameworks.trips import refuses, travel
from ekiben.exceptions import InvalidInput, StoreError

onnx: Any = pytest.importorskip("onnx", reason="an extra of the development environment")

ROWS = [[1.0, 2.0], [-3.0, 0.5]]
BODY = 'model.run(None, {"x": np.array(rows, np.float32)})[0].tolist()'


def twice() -> Any:
    """Make a model that adds rows to themselves."""
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [onnx.helper.make_tensor_value_info("x", kind, [None, 2])],
        [onnx.helper.make_tensor_value_info("y", kind, [None, 2])],
    )
    return onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 13)])


@pytest.mark.timeout(240)
def test_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proto travels without the library that made it: elsewhere only ONNX Runtime is imported, and no pickle."""
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    trip = travel(tmp_path, OnnxModelArtifact, twice(), ROWS, body=BODY, imports="import numpy as np")
    assert "onnxruntime" in trip.requirements()
    assert "onnxruntime" in trip.modules
    assert "onnx" not in trip.modules


def test_what_is_refused(tmp_path: Path) -> None:
    """Another object, and files that are none, are told with the artifact's name, on one line."""
    refuses(OnnxModelArtifact("model"), [1], "an `onnx.ModelProto` or the path of a file")
    with pytest.raises(InvalidInput, match=r"`model` must be packed with a file that is there: 'gone\.onnx'"):
        OnnxModelArtifact("model").pack("gone.onnx")
    (tmp_path / "model.onnx").write_bytes(b"nothing")
    held = OnnxModelArtifact("model").load(str(tmp_path))
    with pytest.raises(StoreError, match=r"the artifact `model` cannot be read: .+") as caught:
        held.get()
    assert "\n" not in caught.value.message
