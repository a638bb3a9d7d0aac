"""Small projects of 0.13 that tests of bundles share."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parents[2] / "src"

# A service without a framework: what is packed is a number, and rows are JSON.
SERVICE = '''
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import JsonInput
from bentoml.artifact import PickleArtifact, JSONArtifact
from {words} import twice

@env(infer_pip_packages=True{more})
@artifacts([PickleArtifact("add"), JSONArtifact("names")])
class Adder(BentoService):
    """Adds a number.

    More of it.
    """

    @api(input=JsonInput(), batch=True)
    def add(self, values):
        """Add to each."""
        return [twice(self.artifacts.add.number + value) for value in values]
'''
WORDS = """
import click

class Number:
    def __init__(self, number):
        self.number = number

def twice(x):
    return 2 * x
"""


@contextmanager
def imported(folder: Path, name: str = "adder_service", more: str = "") -> Iterator[Any]:
    """Write the project into *folder*, import its module, and forget it all again."""
    folder.mkdir(parents=True, exist_ok=True)
    words = f"{name}_words"
    (folder / f"{name}.py").write_text(SERVICE.format(words=words, more=more))
    (folder / f"{words}.py").write_text(WORDS)
    before = list(sys.path)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(name)
    finally:
        sys.path[:] = before
        for each in [each for each in sys.modules if each.partition("@")[0] in (name, words)]:
            del sys.modules[each]


def packed(module: Any, number: int = 3) -> Any:
    """Give an instance of the project's service, packed."""
    words = sys.modules[f"{module.__name__}_words"]
    service = module.Adder().pack("add", words.Number(number), metadata={"exact": True})
    return service.pack("names", {"a": 1})
