"""`bentoml.service` is a decorator since 1.2 and was a package in 0.13; a program may use both."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"

# Each is run by a Python of its own, as the order of imports matters.
PROGRAMS = {
    "the old modules are there": """
from bentoml.service.artifacts import ArtifactCollection, BentoServiceArtifact
from bentoml.service.artifacts.common import JSONArtifact, PickleArtifact, TextFileArtifact
from bentoml.service.env import BentoServiceEnv
from bentoml.service import BentoService
import bentoml
import bentoml.artifact
assert BentoService is bentoml.BentoService
assert PickleArtifact is bentoml.artifact.PickleArtifact
assert issubclass(PickleArtifact, BentoServiceArtifact)
""",
    "the decorator decorates after them, bare": """
import bentoml.service.artifacts
@bentoml.service
class Here:
    @bentoml.api
    def name(self) -> str:
        return "here"
assert (Here.name, Here().name()) == ("Here", "here")
""",
    "the decorator decorates after them, with options": """
from bentoml.service.env import BentoServiceEnv
import bentoml
from bentoml import service
@service(name="there")
class Here: pass
@bentoml.service(name="where")
class Where: pass
assert (Here.name, Where.name) == ("there", "where")
""",
    "a decorator that was taken before stays": """
import bentoml
from bentoml import service
before = bentoml.service
import bentoml.service.artifacts.common
@before(name="a")
class A: pass
@service(name="b")
class B: pass
assert (A.name, B.name) == ("a", "b")
""",
    "annotations still see what is local to a function": """
import bentoml.service.artifacts
def make():
    Local = int
    @bentoml.service
    class Here:
        @bentoml.api
        def next(self, number: "Local") -> "Local":
            return number + 1
    return Here
assert make()().next(1) == 2
""",
    "a name that it never had": """
import bentoml.service
try:
    bentoml.service.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise SystemExit("found")
""",
}


@pytest.mark.parametrize("program", [pytest.param(text, id=name) for name, text in PROGRAMS.items()])
def test_both(program: str) -> None:
    """Importing the package does not take the decorator away, nor the other way round."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
