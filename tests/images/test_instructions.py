"""Each instruction checks what it writes by itself, so that none depends on who made it."""

import json
from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.images.instructions import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    Find,
    From,
    Healthcheck,
    Label,
    Run,
    User,
    Workdir,
)
from tests.images.reader import read


@pytest.mark.parametrize(
    ("instruction", "line"),
    [
        (From("python:3.11-slim"), "FROM python:3.11-slim"),
        (Arg("TOKEN"), "ARG TOKEN"),
        (Env({"A": "x y", "B": 'a"$b\\'}), 'ENV A="x y" B="a\\"\\$b\\\\"'),
        (Find("/opt/bin"), 'ENV PATH="/opt/bin:$PATH"'),
        (Label({"a b": "c"}), 'LABEL "a b"="c"'),
        (Copy("bin/", "/opt/bin/"), 'COPY ["bin/", "/opt/bin/"]'),
        (Copy("a", "/b", image="x:v1"), 'COPY --from=x:v1 ["a", "/b"]'),
        (Run(("echo", "$HOME", "é")), 'RUN ["echo", "$HOME", "é"]'),
        (Workdir("/home/x"), "WORKDIR /home/x"),
        (User(1034), "USER 1034:1034"),
        (Expose(3000), "EXPOSE 3000"),
        (Healthcheck(("a",)), 'HEALTHCHECK --interval=30s --timeout=5s --start-period=120s CMD ["a"]'),
        (Entrypoint(("a", "b")), 'ENTRYPOINT ["a", "b"]'),
        (Cmd(("a",)), 'CMD ["a"]'),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
)
def test_lines(instruction: Any, line: str) -> None:
    """An instruction is one line, as the reference has it."""
    assert str(instruction) == line
    assert len(read(line)) == 1


@pytest.mark.parametrize(
    "instruction",
    [
        From("a b"), From("a\nRUN x"), Arg("A=b"), Arg("A B"), Env({"A B": "x"}), Env({"A": "x\ny"}), Env({"A=": ""}),
        Find("/a:/b"), Find('/a"'), Find("/a/../b"), Label({"a\n": "x"}), Label({"a": "x\ny"}), Copy("../a", "/b"),
        Copy("a*", "/b"), Copy("$A", "/b"), Copy("a", "/b c"), Copy("a", "/b//"), Copy("a", "/b", image="--x"),
        Run(("a\nb",)), Workdir("/a b"), Workdir("/$A"), Healthcheck(("a\x00",)), Entrypoint(("a\r",)),
        Cmd(("\u2028",)),
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_written(instruction: Any) -> None:
    """What would be another line, another word or a variable is refused."""
    with pytest.raises(ConfigError):
        str(instruction)


def test_numbers_are_numbers() -> None:
    """No text passes for a number."""
    for instruction in (User("0 x"), Expose("1 2"), Healthcheck(("a",), interval="1s --x")):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="invalid literal"):
            str(instruction)


def test_words_are_json() -> None:
    """Words come back from JSON, which is how the exec form is read."""
    words = ('"', "\\", "'", "$(x)", "`x`", "#", "a b", "")
    assert json.loads(str(Run(words)).removeprefix("RUN ")) == list(words)
