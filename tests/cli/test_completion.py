"""A shell completes commands, options and tags, also behind a colon."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ekiben import models
from tests.cli.conftest import Command

ASK = """
COMP_LINE="$1" COMP_POINT="${#1}"
compopt() { echo "compopt $2"; }
_ekiben_completion ekiben
echo "${COMPREPLY[*]}"
"""


def complete(script: str, line: str) -> str:
    """Let bash complete *line*."""
    command = ["bash", "-c", script + ASK, "bash", line]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "PATH": path}
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("ekiben mo", "models", id="a command"),
        pytest.param("ekiben models ver", "verify", id="a command of a group"),
        pytest.param("ekiben serve --por", "--port", id="an option"),
        pytest.param("ekiben models list -o ", "table json yaml", id="a choice"),
        pytest.param("ekiben models get ir", "iris:v1 iris:v2", id="a tag"),
        pytest.param("ekiben models get iris:", "v1 v2", id="behind a colon only what bash will replace"),
        pytest.param("ekiben models get iris:v2", "v2", id="a whole tag"),
        pytest.param("ekiben models import x", "compopt default", id="a file is the shell's to complete"),
        pytest.param("ekiben models get 'iris", "", id="an open quotation"),
    ],
)
def test_bash(ekiben: Command, line: str, words: str) -> None:
    """Bash gets the words that could stand there."""
    for version in ("v1", "v2"):
        with models.create(f"iris:{version}"):
            pass
    assert complete(ekiben("completion", "bash").out, line) == words


@pytest.mark.parametrize(
    ("used", "hint"),
    [
        pytest.param("/usr/bin/zsh", "you use zsh: `ekiben completion zsh >> ~/.zshrc`", id="the shell that is used"),
        pytest.param("/bin/dash", "the next start of the shell reads it", id="another one"),
        pytest.param("", "the next start of the shell reads it", id="none that is known"),
    ],
)
def test_without_a_shell(ekiben: Command, used: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name nothing goes to stdout, which a file may catch; the error has the line for each shell."""
    monkeypatch.setenv("SHELL", used)
    ran = ekiben("completion")
    assert (ran.code, ran.out) == (2, "")
    lines = [line.split(maxsplit=1) for line in ran.err.splitlines() if "completion" in line and "hint" not in line]
    assert lines == [
        ["bash", "ekiben completion bash >> ~/.bashrc"],
        ["zsh", "ekiben completion zsh >> ~/.zshrc"],
        ["fish", "ekiben completion fish >> ~/.config/fish/config.fish"],
    ]
    assert ran.err.endswith(f"hint: {hint}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_the_program(ekiben: Command, shell: str) -> None:
    """Each shell has a script, for the program's own name."""
    ran = ekiben("completion", shell)
    assert ran.code == 0
    assert f"_EKIBEN_COMPLETE={shell}_complete" in ran.out


def test_another_shell(ekiben: Command) -> None:
    """A shell that is not known is wrong usage that names those that are."""
    ran = ekiben("completion", "tcsh")
    assert ran.code == 2
    assert "bash" in ran.err
