"""One line for the person who runs a script, unless they set up logging themselves."""

import subprocess
import sys

import pytest

CODE = """
import logging
{setup}
from ekiben.core.log import announce
announce("saved %s", "iris:v1")
root, ours = logging.getLogger(), logging.getLogger("ekiben")
print(len(root.handlers), len(ours.handlers), root.level)
assert before == (len(root.handlers), len(ours.handlers))
"""


@pytest.mark.parametrize(
    ("setup", "said"),
    [
        pytest.param("", "saved iris:v1\n", id="nobody set up logging: the line goes to stderr"),
        pytest.param("logging.basicConfig(level=20)", "INFO:ekiben:saved iris:v1\n", id="root at INFO: in its form"),
        pytest.param("logging.basicConfig()", "", id="root at WARNING: nothing"),
        pytest.param("logging.getLogger('ekiben').setLevel('ERROR')", "", id="our logger at ERROR: nothing"),
        pytest.param("logging.getLogger('ekiben').addHandler(logging.NullHandler())", "", id="silenced: nothing"),
        pytest.param("logging.disable()", "", id="logging switched off: nothing"),
        pytest.param("import sys; sys.stderr = None", "", id="a process without stderr: nothing"),
    ],
)
def test_announce(setup: str, said: str) -> None:
    """A script keeps its stdout to itself, and the loggers stay as the user left them."""
    prepared = f"{setup}\nbefore = (len(logging.getLogger().handlers), len(logging.getLogger('ekiben').handlers))"
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(setup=prepared)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, said)
    assert done.stdout.endswith(f" {30 if 'level=20' not in setup else 20}\n")
