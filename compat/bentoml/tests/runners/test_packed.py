"""A service of 1.0 in a bento: it is built, found by its tag, and knows where it came from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.front import FRONT
from sklearn.linear_model import LogisticRegression

from ekiben.core.front import enter
from ekiben.services.load import load
from ekiben.testing import client
from tests.house.tree import ROOT

SOURCES = ROOT / "compat" / "bentoml" / "src"
SERVICE = """
import bentoml
from bentoml.io import JSON, NumpyNdarray

runner = bentoml.sklearn.get("flower_model:latest").to_runner()
svc = bentoml.Service("flower_model", runners=[runner])

@svc.api(input=NumpyNdarray(), output=NumpyNdarray())
async def classify(rows):
    return await runner.predict.async_run(rows)

@svc.api(input=JSON(), output=JSON())
def about(value):
    return [str(svc.tag), svc.doc, None if svc.bento is None else str(svc.bento.tag)]

class service:
    svc = svc
"""


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A project, and a home with its model."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))  # the drop-in need not be installed
    bentoml.sklearn.save_model("flower_model", LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1]))
    folder = tmp_path / "flowers"
    folder.mkdir()
    (folder / "flower_service.py").write_text(SERVICE)
    monkeypatch.chdir(folder)
    with enter(FRONT):
        yield folder


@pytest.mark.parametrize(
    "target", ["flower_service:svc", "flower_service.py:svc", "flower_service.py:service.svc", "flower_service"]
)
def test_every_way_to_name_it(project: Path, target: str) -> None:
    """A module or a file, with the object's name, a dotted one, or none where there is one only."""
    with client(target) as found:
        assert found.classify(np.array([[0.0], [1.0]])).tolist() == [0, 1]
        assert found.about(0) == ["flower_model", "", None]
    svc = bentoml.load(target)
    assert isinstance(svc, bentoml.Service)
    assert (svc.name, [runner.name for runner in svc.runners]) == ("flower_model", ["flower_model"])


def test_a_bento(project: Path) -> None:
    """It carries the runner's model, is served by its tag, and its service bears the bento's version."""
    built: Any = bentoml.build("flower_service:svc", build_ctx=project, description="Tells flowers.")
    assert [each.tag.name for each in built.info.models] == ["flower_model"]
    assert [each["name"] for each in built.info.services] == ["flower_model-runner", "flower_model"]
    newer = bentoml.sklearn.save_model("flower_model", LogisticRegression().fit(np.array([[0.0], [1.0]]), [7, 8]))
    bound = load(f"bento:{built.tag}")
    assert (bound.spec.name, bound.spec.version) == ("flower_model", built.tag.version)
    runner = bound.dependencies["flower_model"]()
    assert [ref.resolved for ref in runner.spec.models] == [str(built.info.models[0].tag)] != [str(newer.tag)]
    svc = bentoml.load(f"bento:{built.tag}")
    assert isinstance(svc, bentoml.Service)
    assert (svc.tag, list(svc.apis)) == (built.tag, ["classify", "about"])
    with client(f"bento:{built.tag}") as found:
        assert found.classify(np.array([[1.0]])).tolist() == [1]
        assert found.about(0) == [str(built.tag), "Tells flowers.", str(built.tag)]
