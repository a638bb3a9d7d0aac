"""Every command of BentoML's works or is refused, and stands on the page in its place."""

import re

import pytest
from bentoml.front import FRONT

from ekiben.cli.main import run
from tests.house.tree import ROOT

PAGE = (ROOT / "docs/migrating.md").read_text()
TEXT = PAGE[PAGE.index("## The command line") : PAGE.index("## Configuration")]
WORKING, _, MISSING = TEXT.partition("### Not there")

# What stands in section 1 of the list of BentoML's surface, of all generations; `models …` stands for its commands.
WORKS = (
    "serve", "serve-http", "build", "get", "list", "delete", "export", "import", "pull", "push", "models list",
    "models get", "models delete", "models export", "models import", "models pull", "models push", "containerize",
    "env", "start-http-server", "serve-gunicorn", "run", "info", "open-api-spec", "retrieve", "install-completion",
)  # fmt: skip
REFUSED = (
    "serve-grpc", "deploy", "deployment", "code", "cloud", "secret", "api-token", "start-grpc-server",
    "start-runner-server", "yatai", "lambda", "sagemaker", "ec2", "azure-functions", "yatai-service-start",
)  # fmt: skip


def told(text: str) -> set[str]:
    """List the commands that rows of a text are about."""
    cells = [
        line.split("|")[1] for line in text.splitlines() if line.startswith("| `") or line.startswith("| commands")
    ]
    return {word for cell in cells for code in re.findall(r"`([^`]+)`", cell) for word in code.split(" ")[:1]}


@pytest.mark.parametrize("command", WORKS)
def test_a_command_works(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that BentoML has explains itself by BentoML's name, and stands among those that work."""
    assert run(FRONT, [*command.split(), "--help"]) == 0
    shown = "serve" if command in ("serve-http", "start-http-server") else command  # other names of the same
    assert f"Usage: bentoml {shown} " in capsys.readouterr().out
    assert command.split(maxsplit=1)[0] in told(WORKING)


@pytest.mark.parametrize("command", REFUSED)
def test_a_command_is_refused(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command without a counterpart ends with code 2 and one line that says why, whatever stands behind it."""
    assert run(FRONT, [command, "thing", "--option", "x"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert command in told(MISSING)
