"""BentoML's command line: each command and option works, or is refused in one line with the reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import bentoml
import pytest
from bentoml.front import FRONT
from bentoml.spelling import CLOUD, PASSED, REFUSED

from ekiben.cli.main import build
from ekiben.cli.session import Session
from tests.cli.conftest import Command, ekiben  # noqa: F401 - a fixture
from tests.house.tree import ROOT
from tests.servers import free_port, starting

SOURCES = ROOT / "compat" / "bentoml" / "src"

SERVICE = """
import bentoml
from ekiben import use_arguments
from pydantic import BaseModel


class Words(BaseModel):
    greeting: str = "hello"
    times: int = 1


words = use_arguments(Words)


@bentoml.service
class Greeter:
    @bentoml.api
    def greet(self, name: str) -> str:
        return " ".join([words.greeting] * words.times + [name])
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a service, below a home of its own."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))
    monkeypatch.setenv("UV_OFFLINE", "1")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "service.py").write_text(SERVICE)
    return tmp_path / "project"


def run(*words: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bentoml", *words],
        cwd=cwd,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize(
    "words",
    [
        *(pytest.param([name, "list", "--wait", "-x"], id=name) for name in CLOUD),
        pytest.param(["deploy", ".", "-n", "mine", "--scaling-min", "1"], id="deploy with options"),
        pytest.param(["cloud", "login", "--api-token", "secret", "--endpoint", "https://example.org"], id="login"),
        pytest.param(["--context", "mine", "list"], id="a context"),
        pytest.param(["models", "list", "--context=mine"], id="a context, behind"),
    ],
)
def test_there_is_no_cloud(ekiben: Command, words: list[str]) -> None:  # noqa: F811
    """A command or option of the cloud is one line that there is none, whatever stands behind it, and code 2."""
    ran = ekiben(*words, front=FRONT)
    assert ran.code == 2
    assert "there is no cloud here" in ran.err.splitlines()[0]
    assert "--endpoint" not in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["serve-grpc", "service:svc", "--enable-reflection"], "only HTTP is served", id="grpc"),
        pytest.param(["start-grpc-server", "x"], "only HTTP is served", id="grpc in a container"),
        pytest.param(["start-runner-server", "x", "--runner-name", "y"], "runners are processes", id="a runner alone"),
        pytest.param(["serve", "--env", "conda", "."], "environments are made of Python packages", id="conda"),
        pytest.param(["pull", "iris", "--force"], "delete it first", id="pull over"),
        pytest.param(["models", "pull", "-F", "bentofile.yaml"], "one by one", id="pull by a bentofile"),
        pytest.param(["containerize", "iris", "--enable-features", "grpc"], "name them there", id="features"),
        pytest.param(
            ["containerize", "iris", "--backend", "buildctl"], "'buildctl' is not one of", id="another engine"
        ),
        pytest.param(["serve", ".", "--ssl-version", "2", "--ssl-certfile", "x"], "must be 17", id="an old TLS"),
        pytest.param(["serve", ".", "--backlog", "3"], "64", id="a backlog that is too small"),
        pytest.param(["build", "--force"], "add `--push`", id="force without push"),
    ],
)
def test_what_is_refused(ekiben: Command, words: list[str], why: str) -> None:  # noqa: F811
    """What cannot work here is refused with the reason, and code 2."""
    ran = ekiben(*words, front=FRONT)
    assert ran.code == 2
    assert why in ran.err
    assert ran.out == ""


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("serve", "--port -p --host --development --production --reload --working-dir --arg --arg-file --env"),
        (
            "serve",
            "--api-workers --timeout --backlog --ssl-certfile --ssl-keyfile --ssl-keyfile-password --ssl-version",
        ),
        ("serve", "--ssl-cert-reqs --ssl-ca-certs --ssl-ciphers --timeout-keep-alive --timeout-graceful-shutdown"),
        ("build", "-f --bentofile --name --version --label -o --output --containerize --push --force --threads"),
        ("build", "--platform --arg --arg-file"),
        ("get", "-o --output"),
        ("list", "-o --output"),
        ("delete", "-y --yes --assume-yes"),
        ("push", "-f --force -t --threads"),
        ("pull", "--with-models"),
        ("models get", "-o"),
        ("models list", "-o"),
        ("models delete", "-y --yes --assume-yes"),
        ("models push", "-f --force -t --threads"),
        ("containerize", "-t --image-tag --docker-image-tag --backend --opt --run-as-root --build-arg --no-cache"),
        ("containerize", "--output --platform --push --load"),
        ("containerize", " ".join(name.removesuffix("=") for name in PASSED["containerize"])),
        ("env", "-o --output"),
        ("start-http-server", "--port --host --backlog --api-workers --timeout"),
    ],
)
def test_the_options_are_there(command: str, options: str) -> None:
    """Every option of a command of 1.x is an option of ours."""
    program = build(FRONT)
    ctx = program.make_context("bentoml", ["env"])
    found: object = program
    for name in command.split():
        _, found, _ = found.resolve_command(ctx, [name])  # type: ignore[attr-defined] # a group
    known = {name for param in found.params for name in param.opts}  # type: ignore[attr-defined] # a command
    assert set(options.split()) - known == set()


def test_options_of_every_command(ekiben: Command) -> None:  # noqa: F811
    """`-q`, `--quiet`, `--verbose`, `--debug`, `--do-not-track`, `-h` and `-v` are taken everywhere."""
    assert "-v, --version" in ekiben("--help", front=FRONT).out
    assert "Usage: bentoml models list" in ekiben("models", "list", "-h", front=FRONT).out
    for option in ("-q", "--quiet", "--verbose", "--debug", "--do-not-track"):
        assert ekiben(option, "models", "list", front=FRONT).code == 0
        assert ekiben("models", "list", option, front=FRONT).code == 0


@pytest.mark.parametrize(
    ("variable", "value", "level"),
    [
        ("BENTOML_QUIET", "True", "error"),
        ("BENTOML_DEBUG", "true", "debug"),
        ("BENTOML_VERBOSITY", "1", "debug"),
        ("BENTOML_VERBOSITY", "-1", "error"),
    ],
)
def test_variables_say_how_much(variable: str, value: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """BentoML's variables say how much is logged."""
    monkeypatch.setenv(variable, value)
    session = Session(FRONT)
    with session.applied("info"):
        assert session.level == level


def test_an_engine_by_its_variable(ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """BENTOML_CONTAINERIZE_BACKEND names the engine, which is held to those that there are."""
    monkeypatch.setenv("BENTOML_CONTAINERIZE_BACKEND", "kaniko")
    ran = ekiben("containerize", "iris", front=FRONT)
    assert (ran.code, "'kaniko'" in ran.err) == (2, True)


def test_what_an_engine_is_told() -> None:
    """Docker's own options reach the engine, each as it stands."""
    program = build(FRONT)
    session: Session = program.context_settings["obj"]
    words = ["--add-host", "a:1", "--label", "x=1 2", "--label", "y=$(id)", "--pull", "--ssh=default"]
    program.main(["containerize", "--dry-run", *words, "-h"], standalone_mode=False)
    assert session.passed == []  # help comes first
    with pytest.raises(Exception, match="needs a folder"):
        program.main(["containerize", "iris", "--dry-run", *words], standalone_mode=False)
    assert sorted(session.passed) == ["add-host=a:1", "label=x=1 2", "label=y=$(id)", "pull", "ssh=default"]


def test_a_build_for_a_script(project: Path) -> None:
    """`build -o tag` prints BentoML's machine line; `get -o path` and `list -o json` find the bento."""
    done = run(
        "build", "-o", "tag", "--version", "v1", "--threads", "4", "--platform", "x86_64-unknown-linux-gnu", cwd=project
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "__tag__:greeter:v1\n"
    assert bentoml.get("greeter:v1").info.environment["platform"] == "linux/amd64"
    assert "bentoml_version: " in run("get", "greeter:latest").stdout  # all that is known, as YAML
    path = run("get", "greeter:latest", "-o", "path").stdout.strip()
    assert path == str(bentoml.get("greeter").path)
    assert [each["tag"] for each in json.loads(run("list", "-o", "json").stdout)] == ["greeter:v1"]
    again = run("delete", "greeter:v1 greeter:v1,greeter:latest", "--assume-yes")
    assert (again.returncode, again.stdout) == (0, "deleted greeter:v1\n")


def test_arguments_are_built_in(project: Path) -> None:
    """Arguments of a build stand in the bento, over those of the bentofile; what does not fit ends the build."""
    (project / "bentofile.yaml").write_text("service: service:Greeter\nargs:\n  greeting: hi\n  times: 2\n")
    (project / "more.yaml").write_text("times: 3\n")
    done = run("build", "--arg-file", "more.yaml", "--arg", "greeting=hola", "-o", "tag", cwd=project)
    assert done.returncode == 0, done.stderr
    assert bentoml.get("greeter").info.args == {"greeting": "hola", "times": 3}
    wrong = run("build", "--arg", "times=many", cwd=project)
    assert wrong.returncode == 1
    assert "`times`" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("command", ["serve", "serve-http"])
def test_serving_with_arguments(command: str, project: Path) -> None:
    """Both names serve; the bentofile's arguments hold, and the command line's stand over them, in workers too."""
    (project / "bentofile.yaml").write_text("service: service:Greeter\nargs:\n  greeting: hi\n  times: 2\n")
    port = free_port()
    words = [sys.executable, "-m", "bentoml", command, ".", "--port", str(port), "--host", "127.0.0.1"]
    words += ["--arg", "times=3", "--api-workers", "2" if command == "serve" else "1", "--timeout-keep-alive", "5"]
    words += ["--timeout-graceful-shutdown", "3", "--backlog", "128", "--ssl-version", "17"][:-2]
    with starting(words, port, cwd=project) as server:
        server.wait_until_ready()
        answer = server.http.post("/greet", json={"name": "Ana"})
        assert (answer.status_code, answer.text) == (200, "hi hi hi Ana")


@pytest.mark.parametrize(
    "words", [["--arg", "times"], ["--arg", "=3"], ["--arg", "a-b=3"], ["--arg-file", "nothing.yaml"]]
)
def test_wrong_arguments(project: Path, words: list[str]) -> None:
    """An argument that is none is told as wrong usage, before anything is loaded."""
    done = run("serve", ".", *words, cwd=project)
    assert done.returncode == 2
    assert words[0] in done.stderr


def test_a_refusal_names_no_command_that_is_there() -> None:
    """No table refuses what another table spells: each option has one meaning."""
    for command, options in REFUSED.items():
        spelled = {name for names in FRONT.spelled.get(command, {}).values() for name in names}
        refused = {part for name in options for part in name.removesuffix("=").split("/")}
        assert refused & spelled == set()
