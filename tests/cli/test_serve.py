"""`ekiben serve` from outside: what it says, where it listens, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ekiben import models
from tests.cli.conftest import Command
from tests.servers import free_port, serve_to_end, serving, starting

SERVICE = """\
import os
import time
import ekiben
from words import GREETING


@ekiben.service
class Hello:
    @ekiben.api
    def hello(self, name: str = "you") -> str:
        \"\"\"Greet somebody.\"\"\"
        return f"{GREETING} {name} from {os.path.basename(os.getcwd())}"

    @ekiben.api
    def nap(self, started: str, seconds: float) -> str:
        open(started, "w").close()
        time.sleep(seconds)
        return "rested"


class Shelf:
    Inner = Hello
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with a service in `src`."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src/service.py").write_text(SERVICE)
    (folder / "src/words.py").write_text("GREETING = 'hello'\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "options", "where", "said"),
    [
        pytest.param("service:Hello", ["--working-dir", "src"], "src", "src", id="a module, from a working folder"),
        pytest.param("src/service.py:Shelf.Inner", [], "src", "project", id="a file, and a name within a name"),
        pytest.param("./src", [], "src", "src", id="a folder"),
        pytest.param("service", [], "src", "src", id="a module alone"),
    ],
)
def test_targets(project: Path, target: str, options: list[str], where: str, said: str) -> None:
    """Each form of target is served, from the right folder, and nothing is written into the project."""
    cwd = project if options or "src" in target else project / where
    with serving(target, *options, cwd=cwd) as server:
        assert server.http.post("/hello", json={}).text == f"hello you from {said}"
        log = server.log
        assert f"http://localhost:{server.port}" in log
        assert "POST /hello" in log
        assert "Greet somebody." in log
        assert log.index("loading") < log.index("http://localhost") < log.index("ready in")
        assert server.stop(signal.SIGINT) == 0
        assert server.log.rstrip().endswith("stopped")
    assert git(project, "status", "--porcelain", "--ignored") == "A  src/service.py\nA  src/words.py\n"


@pytest.mark.slow
def test_ctrl_c_lets_a_call_end(project: Path, tmp_path: Path) -> None:
    """At Ctrl-C a call that runs gets its answer, then the server exits 0 and its port is free."""
    started = tmp_path / "started"
    with serving("service", cwd=project / "src") as server:
        ask = "import httpx,sys; print(httpx.post(sys.argv[1] + '/nap', json=eval(sys.argv[2]), timeout=60).text)"
        words = [sys.executable, "-c", ask, server.url, repr({"started": str(started), "seconds": 1.0})]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as asking:
            while not started.exists():
                assert asking.poll() is None
            assert server.stop(signal.SIGINT) == 0
            assert asking.communicate(timeout=60)[0] == "rested\n"
        with socket.create_server(("127.0.0.1", server.port)):
            pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "options", "winner"),
    [
        pytest.param({"EKIBEN_PORT": "1", "PORT": "2"}, ["--port", "0"], "option", id="an option wins"),
        pytest.param({"EKIBEN_PORT": "FREE", "PORT": "2"}, [], "EKIBEN_PORT", id="then EKIBEN_PORT"),
        pytest.param({"PORT": "FREE"}, [], "PORT", id="then PORT"),
    ],
)
def test_ports(project: Path, variables: dict[str, str], options: list[str], winner: str) -> None:
    """The port is that of the option, else of EKIBEN_PORT, else of PORT."""
    port = free_port()
    env = {name: str(port) if value == "FREE" else value for name, value in variables.items()}
    command = [sys.executable, "-m", "ekiben", "serve", "service", *options]
    with starting(command, port, cwd=project / "src", env=env) as server:
        log = server.wait_for_log("ready in")
        assert winner == "option" or f"http://localhost:{port}" in log


@pytest.mark.slow
def test_the_port_of_a_dialect() -> None:
    """Without an option the port is that of the service's style, even if that port is taken."""
    command = [sys.executable, "-m", "ekiben", "serve", "tests.http.styled:TEXT"]
    env = {"EKIBEN_PORT": "", "PORT": ""}
    with starting(command, 5000, cwd=Path(__file__).parents[2], env=env) as server:
        server.wait_for_log(":5000")


@pytest.mark.slow
def test_a_port_in_use(project: Path) -> None:
    """A second server on a port says so, without a traceback, and exits 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = serve_to_end("service", "--port", port, cwd=project / "src")
    assert done.returncode == 1
    assert f"error: cannot listen on 127.0.0.1:{port}: the port is in use\n\nhint:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_unix_socket(project: Path, tmp_path: Path) -> None:
    """A service listens on a path, answers there, and removes it at the end."""
    path = tmp_path / "s"
    command = [sys.executable, "-m", "ekiben", "serve", "service", "--uds", str(path)]
    with starting(command, 0, cwd=project / "src") as server:
        server.wait_for_log("ready in")
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost") as client:
            assert client.post("/hello", json={}).text == "hello you from src"
        assert server.stop() == 0
    assert not path.exists()


@pytest.mark.slow
def test_options_reach_the_service(project: Path) -> None:
    """`--timeout` and `--no-access-log` change what the service does; JSON logs are an object a line."""
    with serving("service", "--timeout", "0.2", "--no-access-log", "--json-logs", cwd=project / "src") as server:
        answer = server.http.post("/nap", json={"started": os.devnull, "seconds": 1.0})
        assert answer.status_code == 504
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log.splitlines()]
        assert "ready in" in " ".join(line["message"] for line in lines)
        assert not any('"POST /nap"' in line["message"] for line in lines)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(["--uds", "x", "--port", "1"], "`--uds` stands in place of `--port`", id="two places"),
        pytest.param(["--fd", "3", "--uds", "x"], "`--fd` stands in place of `--uds`", id="two more"),
        pytest.param(["--ssl-keyfile", "x"], "`--ssl-keyfile` needs a certificate", id="a key without its certificate"),
        pytest.param(["--port", "70000"], "70000 is not in the range", id="no port"),
        pytest.param(["--timeout", "0"], "0.0 is not in the range", id="no time"),
        pytest.param(["--relod"], "no option `--relod`", id="mistyped"),
    ],
)
def test_wrong_options(ekiben: Command, words: list[str], error: str) -> None:
    """Options that cannot be meant are wrong usage, before anything is loaded."""
    ran = ekiben("serve", "service", *words)
    assert ran.code == 2
    assert error in ran.err
    assert "hint: " in ran.err


def test_a_tag_that_is_not_there(ekiben: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that is nothing says what was looked for."""
    monkeypatch.chdir(tmp_path)
    ran = ekiben("serve", "nothing:latest", "--port", "0")
    assert ran.code == 1
    assert "nothing" in ran.err
    assert "Traceback" not in ran.err
    assert models.list() == []


BROKEN = {
    "a missing attribute": ("service:Helo", SERVICE, ["has no attribute `Helo`", "did you mean `Hello`?"]),
    "a failing import": (
        "broken",
        "import sys\nimport no_such_library\n",
        ["No module named 'no_such_library'", 'File "broken.py", line 2', "import no_such_library"],
    ),
    "a syntax error": ("broken", "def f(:\n    pass\n", ["SyntaxError", 'broken.py", line 1', "def f(:"]),
    "an error deep in a library": (
        "broken",
        "import json\n\ndef read():\n    return json.loads('{')\n\nread()\n",
        ["JSONDecodeError", "line 6", "line 4, in read"],
    ),
    "a module that leaves": ("broken", "import sys\nsys.exit(3)\n", ["cannot be imported", "SystemExit"]),
    "an option that is none": (
        "broken:S",
        "import ekiben\n\n@ekiben.service(treads=2)\nclass S:\n    pass\n",
        ["no option `treads`", "did you mean `threads`?", "line 3"],
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_imported(ekiben: Command, project: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """A mistake in the user's code is shown at the user's lines only, and is code 1."""
    target, source, words = BROKEN[what]
    (project / "src/broken.py").write_text(source)
    monkeypatch.chdir(project / "src")
    monkeypatch.setattr(sys, "path", list(sys.path))
    ran = ekiben("serve", target, "--port", "0")
    for name in ("broken", "service", "words"):
        sys.modules.pop(name, None)
    assert ran.code == 1
    assert [word for word in words if word not in ran.err] == []
    assert "Traceback" not in ran.err
    assert "site-packages" not in ran.err
    assert f"ekiben{os.sep}" not in ran.err


@pytest.mark.slow
def test_a_service_that_cannot_start(tmp_path: Path) -> None:
    """A failing `__init__` is shown at its line, ends the server with code 1, and frees the port."""
    (tmp_path / "service.py").write_text(
        "import ekiben\n\n@ekiben.service\nclass S:\n    def __init__(self):\n        self.n = 1 / 0\n\n"
        "    @ekiben.api\n    def f(self) -> int:\n        return 1\n"
    )
    done = serve_to_end("service", cwd=tmp_path)
    assert done.returncode == 1
    assert "error: `S` cannot start: ZeroDivisionError: division by zero" in done.stderr
    assert 'File "service.py", line 6, in __init__' in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_all_of_a_traceback(tmp_path: Path) -> None:
    """`--verbose` shows the traceback in full, too."""
    (tmp_path / "service.py").write_text("1 / 0\n")
    done = serve_to_end("service", "--verbose", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_print_config(project: Path, ekiben: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--print-config` shows each option, its value and who set it, and serves nothing."""
    monkeypatch.chdir(project / "src")
    monkeypatch.syspath_prepend(str(project / "src"))
    (project / "other.yaml").write_text("traffic: {max_concurrency: 5}\nservices: {Hello: {threads: 2}}")
    monkeypatch.setenv("EKIBEN_LABELS__TEAM", "nlp")
    monkeypatch.setenv("EKIBEN_HOST", "127.0.0.2")
    words = ("--timeout", "3", "--no-access-log", "--ssl-certfile", "a.pem", "--ssl-keyfile-password", "hush")
    ran = ekiben("serve", "service.py:Hello", "--print-config", "--config", str(project / "other.yaml"), *words)
    assert (ran.code, ran.err) == (0, "")
    rows = {path: (value, source) for path, value, source in (line.split(None, 2) for line in ran.out.splitlines()[2:])}
    assert rows["traffic.timeout"] == ("3.0", "--timeout")
    assert rows["traffic.max_concurrency"] == ("5", "other.yaml: traffic.max_concurrency")
    assert rows["threads"] == ("2", "other.yaml: services.Hello.threads")
    assert rows["labels.team"] == ('"nlp"', "EKIBEN_LABELS__TEAM")
    assert rows["http.host"] == ('"127.0.0.2"', "EKIBEN_HOST")
    assert rows["logging.access.enabled"] == ("false", "--no-access-log")
    assert rows["ssl.certfile"] == ('"a.pem"', "--ssl-certfile")
    assert rows["backlog"] == ("2048", "built-in")
    assert "hush" not in ran.out
    assert "EKIBEN_CONFIG" not in os.environ, "what the option sets is set for this run only"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--config", "gone.yaml"), "'gone.yaml' does not exist"),
        (("--config", "slip.yaml"), "slip.yaml: traffic.timeot: there is no option `traffic.timeot`"),
    ],
)
def test_config_refused(
    project: Path, ekiben: Command, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], expected: str
) -> None:
    """A file that is not there, or names no option, keeps the server from starting."""
    monkeypatch.chdir(project / "src")
    monkeypatch.syspath_prepend(str(project / "src"))
    (project / "src/slip.yaml").write_text("traffic: {timeot: 3}")
    ran = ekiben("serve", "service.py:Hello", "--port", "0", *words)
    assert ran.code != 0
    assert expected in ran.err
    assert "Traceback" not in ran.err


SLOW = """
import os, time
import ekiben

def wait(name):
    while not os.path.exists(name):
        time.sleep(0.01)

wait("imported")

@ekiben.service
class Slow:
    def __init__(self):
        wait("made")

    @ekiben.api
    def hello(self) -> str:
        return "hello"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "whose"),
    [
        pytest.param([], "INFO still", id="one process"),
        pytest.param(["--layout", "apart"], "INFO a worker is still", id="a worker apart"),
        pytest.param(["--workers", "2", "--layout", "replicas"], "INFO a worker is still", id="replicas"),
    ],
)
def test_a_long_start_says_what_it_waits_for(tmp_path: Path, options: list[str], whose: str) -> None:
    """After some seconds a line says what is done and where, another one later; of several workers one speaks."""
    (tmp_path / "service.py").write_text(SLOW)
    with serving("service:Slow", *options, cwd=tmp_path, wait=False) as server:
        server.wait_for_log("s: loading service:Slow (service.py, line 7: time.sleep(0.01))")
        (tmp_path / "imported").touch()
        log = server.wait_for_log("s: making Slow (service.py, line ")
        assert f"{whose} starting after " in log
        (tmp_path / "made").touch()
        server.wait_until_ready()
        assert server.http.post("/hello", json={}).text == "hello"
        assert server.log.count(f"{whose} starting after 3 s") <= 1


@pytest.mark.slow
def test_a_quick_start_and_a_quiet_one_say_nothing(tmp_path: Path) -> None:
    """A service that is soon there has no such line; with `--quiet` there is none at all."""
    (tmp_path / "service.py").write_text(SLOW)
    for name in ("imported", "made"):
        (tmp_path / name).touch()
    with serving("service:Slow", cwd=tmp_path) as server:
        seconds = float(server.wait_for_log("ready in").partition("ready in ")[2].split()[0])
        assert seconds >= 3 or "still starting" not in server.log
