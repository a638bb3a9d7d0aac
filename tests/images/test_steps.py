"""Commands of a bento run while its image is built, and break out of nothing, whoever wrote the bento."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import ConfigError, CorruptItem
from ekiben.core.spec import ServiceSpec
from ekiben.images.context import write_context
from ekiben.images.dockerfile import BIN, FILES, write_dockerfile
from ekiben.images.plan import read_parts
from ekiben.images.spec import Step, is_writable
from tests.images.conftest import MakeBento
from tests.images.reader import read
from tests.images.test_dockerfile import NASTY, PLAN
from tests.images.test_scripts import FOLDER, SHELL


@given(st.one_of(st.text(), st.sampled_from(NASTY)))
def test_a_command_is_one_word(command: str) -> None:
    """Whatever a command holds, it is read back as the one word that a shell gets; or it is refused."""
    if not all(map(is_writable, command)):
        with pytest.raises(ConfigError):
            Step(command)
        return
    lines = read(write_dockerfile(replace(PLAN, before=(Step(command),), after=(Step(command),))))
    runs = [line.value for line in lines if line.name == "RUN" and "run-step" in line.value[1]]
    assert runs == [["/bin/sh", f"{BIN}/run-step", FILES, command]] * 2
    usual = read(write_dockerfile(PLAN))
    assert [line.name for line in lines if line.value not in runs] == [line.name for line in usual]


@given(st.one_of(st.text(), st.sampled_from(NASTY)))
def test_a_variable_of_the_build_is_one_value(value: str) -> None:
    """Whatever a value holds, it is read back letter by letter; or it is refused."""
    try:
        lines = read(write_dockerfile(replace(PLAN, defaults={"STAGE": value})))
    except ConfigError:
        assert not all(map(is_writable, value))
        return
    assert [line.value for line in lines if line.name == "ARG"] == [[("STAGE", value)]]


@pytest.mark.parametrize("script", ["../x", "/etc/passwd", "a b", "x\ny", "", "--from=evil"])
def test_a_script_is_a_plain_path(script: str) -> None:
    """A script is named by a plain path of the context, or refused."""
    if script == "--from=evil":
        with pytest.raises(ConfigError):
            Step(None, script)
        return
    with pytest.raises(ConfigError):
        Step(script=script)


@pytest.mark.parametrize("both", [(None, None), ("a", "b")])
def test_a_step_is_one_of_two(both: tuple[Any, Any]) -> None:
    """A step is a command or a script, never both or neither."""
    with pytest.raises(ConfigError):
        Step(*both)


@pytest.mark.parametrize(
    "docker",
    [
        pytest.param({"commands": "id"}, id="text in place of a list"),
        pytest.param({"commands": [{"script": "../../outside"}]}, id="a script outside of the bento"),
        pytest.param({"commands": [{"script": "/etc/passwd"}]}, id="a script of this machine"),
        pytest.param({"post_commands": [{"script": "env/nothing"}]}, id="a script that is not there"),
        pytest.param({"post_commands": [{"other": 1}]}, id="a mapping of something else"),
        pytest.param({"build_include": ["../../../etc/passwd"]}, id="a file outside of the bento"),
        pytest.param({"build_include": ["nothing.txt"]}, id="a file that is not there"),
        pytest.param({"build_include": "service.py"}, id="text in place of files"),
        pytest.param({"build_include": [3]}, id="a number"),
    ],
)
def test_a_hostile_bento(docker: dict[str, Any], make_bento: MakeBento) -> None:
    """A bento that names what it does not hold is refused before a file is written."""
    with pytest.raises(CorruptItem, match="docker"):
        read_parts(make_bento(docker=docker))


@pytest.mark.parametrize("command", [3, None, "x\ny", ["a"]])
def test_a_command_that_is_none(command: Any, make_bento: MakeBento) -> None:
    """A command that is no line of text is refused."""
    with pytest.raises(ConfigError):
        read_parts(make_bento(docker={"commands": [command]}))


def spec_with(*envs: dict[str, str]) -> dict[str, Any]:
    """Give the description of a service with variables."""
    return {"name": "Iris", "spec": {**ServiceSpec("Iris").to_json(), "envs": list(envs)}}


def test_variables_by_their_stage(make_bento: MakeBento) -> None:
    """Those of the build and of all are there while it is built, never in the container; those of the run are not."""
    envs = ({"name": "A", "value": "1", "stage": "build"}, {"name": "B", "value": "2", "stage": "all"})
    service = spec_with(*envs, {"name": "C", "value": "3", "stage": "runtime"}, {"name": "D", "stage": "all"})
    plan = read_parts(make_bento(services=(service,))).plan
    assert dict(plan.defaults) == {"A": "1", "B": "2"}
    lines = read(write_dockerfile(plan))
    assert [line.value for line in lines if line.name == "ARG"] == [[("A", "1")], [("B", "2")]]
    assert not {name for line in lines if line.name == "ENV" for name, _ in line.value} & {"A", "B", "C", "D"}


def test_a_variable_without_a_value(make_bento: MakeBento) -> None:
    """A variable of the build alone has to be given, and then stands as any other of the build."""
    bento = make_bento(services=(spec_with({"name": "TOKEN", "stage": "build"}),))
    with pytest.raises(ConfigError, match="needs a value of `TOKEN`"):
        read_parts(bento)
    assert read_parts(bento, ["TOKEN"]).plan.args == ("TOKEN",)


@pytest.mark.parametrize("value", ["x\nRUN id", 3])
def test_a_hostile_variable(value: Any, make_bento: MakeBento) -> None:
    """A value that is no line of text is refused."""
    with pytest.raises(ConfigError, match="envs"):
        read_parts(make_bento(services=(spec_with({"name": "A", "value": value, "stage": "build"}),)))


def test_files_and_scripts_lie_in_the_context(make_bento: MakeBento, tmp_path: Path) -> None:
    """Scripts and the files that commands find beside them are copied, with modes that anyone may read."""
    files = {"env/docker/scripts/0": "echo hi\n", "src/data/a b.txt": "x\n"}
    docker = {"commands": [{"script": "env/docker/scripts/0"}], "build_include": ["data/a b.txt"]}
    folder = write_context(read_parts(make_bento(files, docker=docker)), tmp_path / "context")
    assert (folder / "scripts/0").read_text() == "echo hi\n"
    assert (folder / "include/data/a b.txt").read_text() == "x\n"


def test_root_where_it_is_asked_for(make_bento: MakeBento) -> None:
    """`run_as_root` alone makes the container serve as root."""
    bento = make_bento()
    for is_root, user in ((False, "1034:1034"), (True, "0:0")):
        lines = read(write_dockerfile(read_parts(bento, run_as_root=is_root).plan))
        assert [line.value for line in lines if line.name == "USER"] == [user]


def test_a_command_runs_in_its_folder(tmp_path: Path) -> None:
    """The program of the image runs a command by the shell, in the folder of its files, and fails as it fails."""
    folder = tmp_path / "made" / "files"
    done = subprocess.run(
        [SHELL, FOLDER / "run-step", folder, 'echo "$0 $HOME" > note && pwd'],
        capture_output=True, text=True, timeout=60, check=False, env={"PATH": "/usr/bin:/bin", "HOME": "x"},
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, str(folder))
    assert (folder / "note").is_file()
    assert subprocess.run([SHELL, FOLDER / "run-step", folder, "exit 7"], check=False).returncode == 7
