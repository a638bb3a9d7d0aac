"""Take a service of 0.13 on its round trip: packed here, saved, loaded in a process that knows no more than the bundle.

In: the class of an artifact, what is packed, and how the service asks the model. Out: what it answered here and there.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from compat.bentoml.tests.bundles.projects import SOURCES
from ekiben.exceptions import InvalidInput

METADATA = {"accuracy": 0.5, "by": "a test"}
SERVICE = """
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import JsonInput
from {module} import {kind}
{imports}

@env(infer_pip_packages=True)
@artifacts([{kind}("model"{arguments})])
class Traveller(BentoService):
    @api(input=JsonInput(), batch=True)
    def predict(self, rows):
        model = self.artifacts.model
        return {body}
"""
ELSEWHERE = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import bentoml
from ekiben.testing import client

path, rows, copies = sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3])
service = bentoml.load(path)
direct = service.predict(rows)
with client(service) as served:
    answer = served.request("POST", "/predict", json=rows[0])
    assert answer.status_code == 200, answer.text
service.artifacts.save(copies)
again = bentoml.load(path)
again.artifacts.read_from(copies)
said = [direct, answer.json(), again.predict(rows), service.artifacts["model"].metadata, sorted(sys.modules)]
print(json.dumps(said))
"""


@dataclass(frozen=True, slots=True)
class Trip:
    """A bundle that was loaded elsewhere, and what came of it."""

    path: Path
    modules: list[str]  # that were imported there

    def requirements(self) -> dict[str, str]:
        """Give the packages that the bundle asks for, and their versions."""
        lines = (self.path / "requirements.txt").read_text().splitlines()
        return {name: version for name, _, version in (line.partition("==") for line in lines)}


def travel(
    folder: Path,
    artifact: type,
    model: Any,
    rows: list[Any],
    *,
    body: str,
    arguments: str = "",
    imports: str = "",
    options: Mapping[str, Any] | None = None,
) -> Trip:
    """Pack *model*, save the service, and hold what it answers elsewhere to what it answers here.

    Args:
        folder: empty, of the test.
        artifact: its class.
        model: what is packed.
        rows: inputs of the API, one each.
        body: an expression of `model` and `rows`: a list of answers.
        arguments: more of the artifact's, as code.
        imports: more lines of the service's module.
        options: more of `pack`.
    """
    service = write(folder / "project", artifact, body, arguments, imports)()
    service.pack("model", model, metadata=METADATA, **(options or {}))
    expected = service.predict(rows)
    path = folder / "bundle"
    service.save_to_dir(str(path))
    [described] = yaml.safe_load((path / "bentoml.yml").read_text())["artifacts"]
    assert (described["name"], described["artifact_type"], described["metadata"]) == (
        "model",
        artifact.__name__,
        METADATA,
    )
    done = run(folder, ELSEWHERE, str(path), json.dumps(rows), str(folder / "copies"))
    assert done.returncode == 0, done.stderr
    direct, served, again, metadata, modules = json.loads(done.stdout.splitlines()[-1])
    for found in (direct, again, [served, *direct[1:]]):
        assert len(found) == len(rows)
        assert alike(found, expected), (found, expected)
    assert metadata == METADATA
    return Trip(path, modules)


def write(folder: Path, artifact: type, body: str, arguments: str = "", imports: str = "") -> Any:
    """Write the service's module, import it, forget it; give its class."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"traveller_{folder.parent.name.replace('-', '_')}"
    (folder / f"{name}.py").write_text(
        SERVICE.format(
            module=artifact.__module__, kind=artifact.__name__, arguments=arguments, imports=imports, body=body
        )
    )
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name).Traveller
    finally:
        sys.path.remove(str(folder))


def run(folder: Path, code: str, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run code in a fresh process that sees the drop-in, and nothing of the test or the project."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=elsewhere, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=280, check=False, env={**os.environ, "PYTHONPATH": str(SOURCES), **env},
    )  # fmt: skip


def alike(found: Any, expected: Any) -> bool:
    """Say whether answers are the same, numbers but for the last bits."""
    if isinstance(expected, list | tuple):
        same_length = isinstance(found, list) and len(found) == len(expected)
        return same_length and all(map(alike, found, expected))
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(alike(found[key], expected[key]) for key in expected)
    return bool(np.isclose(found, expected, atol=1e-6)) if isinstance(expected, float) else found == expected


def refuses(artifact: Any, wrong: Any, expected: str) -> None:
    """Hold the error for a wrong object: one line, which names the artifact, what it takes, and what it was."""
    with pytest.raises(InvalidInput) as caught:
        artifact.pack(wrong)
    assert "\n" not in caught.value.message
    assert caught.value.message.startswith(f"the artifact `{artifact.name}` must be packed with {expected}")
    assert caught.value.message.endswith(type(wrong).__name__)
