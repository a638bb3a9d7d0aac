"""What is written is read back as the same values, whatever they hold; or it is refused."""

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import ConfigError
from ekiben.images.dockerfile import BENTO, BIN, VENV, write_dockerfile
from ekiben.images.spec import IMAGE, SYSTEM_PACKAGE, VARIABLE, ImagePlan, Server, is_writable
from tests.images.reader import Line, read

PLAN = ImagePlan(base="python:3.11-slim", python="3.11")
# What has been used to break out of Dockerfiles, and what may only look like it.
NASTY = [
    "x\nRUN touch /pwned",
    "x\r\nRUN touch /pwned",
    "x\rRUN touch /pwned",
    "x\x0bRUN y",
    "x\x0cRUN y",
    "x\x1cRUN y",
    "x\x85RUN y",
    "x\u2028RUN y",
    "x\u2029RUN y",
    "x\x00y",
    "x\x1b[31m",
    "\ud800",
    "\ufeff",
    "x\ty",
    '"; touch /pwned; "',
    "' touch '",
    "$(touch /pwned)",
    "`touch /pwned`",
    "${HOME}",
    "$HOME",
    "\\$HOME",
    "\\",
    "x\\",
    'x\\"',
    '"',
    "'",
    "a b=c",
    "x && touch /pwned",
    "x; touch /pwned",
    "x | sh",
    "# escape=`",
    "#",
    "<<EOF",
    "--mount=type=bind",
    "--from=evil",
    '["sh", "-c", "x"]',
    "][",
    " ",
    "",
    "ünïcode ✓ 🍱",
    "../../etc/passwd",
    "*",
    "ARG X",
    "FROM evil AS x",
    "%s {{ x }} {% raw %}",
]

text = st.text(max_size=40) | st.sampled_from(NASTY) | st.text(string.printable, max_size=40)


def told(lines: list[Line], name: str) -> Any:
    return [line.value for line in lines if line.name == name]


def skeleton(plan: ImagePlan) -> list[str]:
    """Give the names of the instructions that a plan must have, and no others."""
    names = ["FROM", "ENV", "ENV", "COPY"]
    names += ["RUN"] if plan.system_packages else []
    names += ["ARG"] * len(plan.args)
    names += ["COPY", "RUN"] + (["COPY", "RUN"] if plan.has_setup else []) + ["RUN", "ENV"]
    names += ["COPY"] * (len(plan.models) + 1)
    names += ["WORKDIR", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"]
    return names + (["LABEL"] if plan.labels else [])


def pairs(lines: list[Line], name: str) -> dict[str, str]:
    return {key: value for each in told(lines, name) for key, value in each}


@given(
    env=st.dictionaries(text | st.from_regex(VARIABLE, fullmatch=True), text, max_size=3),
    labels=st.dictionaries(text, text, max_size=3),
    packages=st.lists(text | st.from_regex(SYSTEM_PACKAGE, fullmatch=True), max_size=3),
    base=text | st.from_regex(IMAGE, fullmatch=True).filter(lambda name: len(name) < 200),
    args=st.lists(text | st.from_regex(VARIABLE, fullmatch=True), max_size=2, unique=True),
    path=text,
)
def test_every_field_is_read_back_or_refused(
    env: dict[str, str], labels: dict[str, str], packages: list[str], base: str, args: list[str], path: str
) -> None:
    """No text of a bento becomes an instruction, a word more or another value."""
    try:
        server = Server(path=path)
        plan = ImagePlan(base, "3.11", None, tuple(packages), False, tuple(args), env, labels, (), server)
    except ConfigError:
        return
    lines = read(write_dockerfile(plan))
    assert [line.name for line in lines] == skeleton(plan)
    assert told(lines, "FROM") == [base]
    assert told(lines, "ARG") == args
    assert pairs(lines, "LABEL") == labels
    found = dict(told(lines, "ENV")[0])
    assert found == {"PYTHONUNBUFFERED": "1", "EKIBEN_HOST": "0.0.0.0", **env}
    if packages:
        assert told(lines, "RUN")[0] == ["/bin/sh", f"{BIN}/install-system", *packages]
    assert path in told(lines, "HEALTHCHECK")[0]


@given(text, text)
def test_text_of_one_line_is_kept(name: str, value: str) -> None:
    """Whatever can stand in a line comes back letter by letter, and is not refused."""
    if not all(map(is_writable, name + value)) or not name.strip() or "=" in name:
        return
    lines = read(write_dockerfile(replace(PLAN, labels={name: value}, env={"X": value})))
    assert pairs(lines, "LABEL") == {name: value}
    assert dict(told(lines, "ENV")[0])["X"] == value


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize("field", ["base", "python", "cuda", "system_packages", "args", "env", "models"])
def test_names_have_grammars(field: str, nasty: str) -> None:
    """A name of an image, a package, a variable or a folder that is none is refused with its field."""
    if field == "system_packages" and nasty in ("",):
        return
    value: Any = {"system_packages": (nasty,), "args": (nasty,), "env": {nasty: "x"}, "models": (nasty,)}.get(
        field, nasty
    )
    with pytest.raises(ConfigError, match=r"`[a-z_. -]+(\[0\])?`"):
        replace(PLAN, **{field: value})


@pytest.mark.parametrize("letter", [chr(code) for code in (*range(32), *range(127, 160), 0x2028, 0x2029)], ids=ascii)
def test_control_characters(letter: str) -> None:
    """No field holds a control character or another end of a line."""
    for plan in (
        {"env": {"X": f"a{letter}b"}},
        {"labels": {"x": f"a{letter}b"}},
        {"labels": {f"a{letter}b": "x"}},
        {"base": f"python:3.11{letter}"},
        {"system_packages": (f"curl{letter}",)},
    ):
        with pytest.raises(ConfigError):
            replace(PLAN, **plan)  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        Server(path=f"/x{letter}")


def test_the_order_of_layers() -> None:
    """What changes seldom stands before what changes often: packages, then models, then code."""
    plan = replace(
        PLAN, system_packages=("curl", "libgomp1=12.2.0-14"), has_setup=True, models=("models/a/v1", "models/b/v2"),
        labels={"a": "1", "b": "2"},
    )  # fmt: skip
    lines = read(write_dockerfile(plan))
    assert [line.name for line in lines] == skeleton(plan)
    copied = [line.value[0] for line in lines if line.name == "COPY"]
    assert copied == ["bin/", "python/", "setup_script", "models/a/v1/", "models/b/v2/", "bento/"]
    assert next(line.value[1] for line in lines if line.name == "RUN") == f"{BIN}/install-system"


def test_how_it_serves() -> None:
    """The container serves on all addresses as nobody special, says its port, and is asked for its health."""
    lines = read(write_dockerfile(replace(PLAN, server=Server("bentoml", "BENTOML", 5000, "/health", is_tls=True))))
    assert told(lines, "USER") == ["1034:1034"]
    assert told(lines, "EXPOSE") == ["5000"]
    assert told(lines, "CMD") == [["serve"]]
    assert told(lines, "ENTRYPOINT") == [["/bin/sh", f"{BIN}/entrypoint", f"{VENV}/bin/bentoml", BENTO]]
    assert told(lines, "HEALTHCHECK")[0][3:] == ["https", "5000", "/health", "BENTOML_PORT", "PORT"]
    assert dict(told(lines, "ENV")[0])["BENTOML_HOST"] == "0.0.0.0"
    assert dict(told(lines, "ENV")[1]) == {"PATH": f"{VENV}/bin:" + "${PATH}"}


def test_the_users_variables_win() -> None:
    """A variable of the bento stands over one of ours."""
    lines = read(write_dockerfile(replace(PLAN, env={"EKIBEN_HOST": "::", "PYTHONUNBUFFERED": ""})))
    assert dict(told(lines, "ENV")[0]) == {"EKIBEN_HOST": "::", "PYTHONUNBUFFERED": ""}


def test_cuda() -> None:
    """NVIDIA's runtime is laid over the base, of exactly the version that is asked for."""
    lines = read(write_dockerfile(replace(PLAN, cuda="12.4.1")))
    copied = next(line for line in lines if line.flags)
    assert copied.flags == ("--from=docker.io/nvidia/cuda:12.4.1-runtime-ubuntu22.04",)
    assert copied.value == ["usr/local/cuda-12.4/", "/usr/local/cuda-12.4/"]
    assert ("LD_LIBRARY_PATH", "/usr/local/cuda-12.4/lib64") in told(lines, "ENV")[2]


def test_it_is_the_same_each_time() -> None:
    """The same plan gives the same text."""
    plan = replace(PLAN, env={"B": "1", "A": "2"}, labels={"y": "1", "x": "2"})
    assert write_dockerfile(plan) == write_dockerfile(replace(plan, env=dict(plan.env)))
