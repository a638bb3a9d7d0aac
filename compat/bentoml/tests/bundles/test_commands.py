"""The commands of 0.13, as they are typed: both stores in one list, bundles served, run and copied."""

import json
from pathlib import Path

import bentoml
import pytest
from bentoml.bundles.description import Bundle
from bentoml.bundles.loading import load_from_dir

from compat.bentoml.tests.bundles.installed import Terminal
from compat.bentoml.tests.bundles.projects import SOURCES, packed
from tests.servers import free_port, starting

NATIVE = """
import bentoml

@bentoml.service
class Echo:
    @bentoml.api
    def echo(self, x: int) -> int:
        return x
"""


@pytest.fixture
def terminal(folder: Path) -> Terminal:
    """A terminal in an empty folder."""
    (folder / "work").mkdir()
    return Terminal(folder / "work", folder / "home")


def test_one_list_of_both(terminal: Terminal, project: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """`list` shows bentos and bundles, chosen by name and labels, in the order and number that is asked for."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    for version, stage in (("1", "dev"), ("2", "prod")):
        packed(project).save(version=version, labels={"stage": stage})
    (terminal.folder / "service.py").write_text(NATIVE)
    monkeypatch.setenv("PYTHONPATH", str(SOURCES))  # the drop-in need not be installed
    bentoml.build("service:Echo", build_ctx=terminal.folder, version="v1")
    tags = lambda *words: [each["tag"] for each in json.loads(terminal.run("list", "-o", "json", *words).stdout)]  # noqa: E731
    assert tags() == ["echo:v1", "Adder:2", "Adder:1"]
    assert tags("--ascending-order") == ["Adder:1", "Adder:2", "echo:v1"]
    assert tags("--order-by", "name", "--limit", "2") == ["Adder:1", "Adder:2"]
    assert tags("--offset", "1", "--limit", "1") == ["Adder:2"]
    assert tags("Adder") == ["Adder:2", "Adder:1"]
    assert tags("echo") == ["echo:v1"]
    assert tags("--labels", "stage In (dev, test)") == tags("-l", "stage=dev") == ["Adder:1"]
    wide = terminal.run("list", "Adder:1", "-o", "wide").stdout
    assert "stage=dev" in wide
    assert "add: PickleArtifact, names: JSONArtifact" in wide
    assert "Creation Time" in terminal.run("list").stdout.splitlines()[0]
    said = terminal.run("list", "Nobody", code=1).stderr
    assert "there is no bento or bundle `Nobody` in" in said
    assert all(place in said for place in ("bentos", "repository"))
    assert "must hold conditions" in terminal.run("list", "--labels", "stage", code=1).stderr
    assert "there is no Yatai server" in terminal.run("list", "--yatai-url", "x", code=2).stderr
    assert "Adder:2" in terminal.run("delete", "Adder:latest", "-y").stdout
    assert tags("Adder") == ["Adder:1"]
    assert "names no version" in terminal.run("delete", "Adder", "-y", code=2).stderr
    terminal.run("delete", "echo:v1", "-y")
    assert "deleted Adder:1" in terminal.run("delete", "--labels", "stage=dev", "-y").stdout
    assert tags() == []
    assert "nothing is named" in terminal.run("delete", "-y", code=2).stderr


def test_what_is_known_of_a_bundle(terminal: Terminal, bundle: Bundle) -> None:
    """`get`, `info` and `open-api-spec` tell of a bundle, by tag or folder; `get` of bentos is what it was."""
    told = json.loads(terminal.run("get", "Adder:latest", "-o", "json").stdout)
    assert (told["metadata"]["service_name"], told["path"]) == ("Adder", str(bundle.path))
    assert terminal.run("get", "Adder", "-o", "tag").stdout.strip() == str(bundle.tag)
    assert str(bundle.tag) in terminal.run("get", "Adder").stdout, "a bare name lists its versions"
    assert terminal.run("get", str(bundle.path), "-o", "path").stdout.strip() == str(bundle.path)
    info = json.loads(terminal.run("info", "Adder").stdout)
    assert [each["name"] for each in info["apis"]] == ["add"]
    assert info["labels"] == {"team": "sums"}
    assert "/add" in json.loads(terminal.run("open-api-spec", "Adder").stdout)["paths"]
    assert "there is no bundle `nobody`" in terminal.run("info", "nobody", code=1).stderr
    assert "nobody" in terminal.run("get", "nobody", code=1).stderr


@pytest.mark.parametrize("command", ["run", "containerize"])
def test_nothing_is_named(terminal: Terminal, command: str) -> None:
    """A command alone, for bundles or for all else, says what is missing."""
    said = terminal.run(command, code=2).stderr
    assert said.startswith("error: missing argument 'TA")
    assert f"hint: `bentoml {command} --help`" in said
    assert terminal.run(command, "--home", code=2).stderr.startswith("error: ")


def test_running_offline(terminal: Terminal, bundle: Bundle) -> None:
    """`run` answers inputs and files in their order; an input that fails is told, and the exit code says so."""
    assert terminal.run("run", "Adder:latest", "add", "--input", "1").stdout == "8\n"
    assert terminal.run("run", "Adder", "--input", "1", "2", "--max-batch-size", "1").stdout == "8\n10\n"
    (terminal.folder / "one.json").write_text("4")
    (terminal.folder / "bad.json").write_text("{")
    terminal.run("run", str(bundle.path), "add", "--input-file", "one.json", "-o", "out.json")
    assert (terminal.folder / "out.json").read_text() == "14\n"
    lost = terminal.run("run", str(bundle.path), "add", "--input", "1", "-o", "no/where", code=1).stderr
    assert "`--output` cannot be written: no/where: No such file" in lost
    assert "File " not in lost
    failed = terminal.run("run", "Adder", "add", "--input-file", "one.json", "bad.json", code=1)
    assert failed.stdout == "14\n"
    assert "bad.json" in failed.stderr
    assert "nothing to run over" in terminal.run("run", "Adder", "add", code=1).stderr
    assert "has no endpoint `plus`" in terminal.run("run", "Adder", "plus", "--input", "1", code=1).stderr
    (terminal.folder / "service.py").write_text(NATIVE)
    assert terminal.run("run", "service:Echo", "echo", "--input", '{"x": 3}').stdout == "3\n", (
        "it is Ekiben's for all else"
    )


@pytest.mark.parametrize("name", ["serve", "serve-gunicorn"])
def test_serving(terminal: Terminal, bundle: Bundle, name: str) -> None:
    """A bundle is served by its tag, with workers where they are asked for, and with the limits of batches."""
    port, more = free_port(), ["-w", "2"] if name == "serve-gunicorn" else []
    limits = ["--mb-max-batch-size", "5", "--mb-max-latency", "9000", "--enable-microbatch"]
    command = terminal.command(name, "Adder:latest", "--host", "127.0.0.1", "--port", str(port), *more, *limits)
    with starting(command, port, cwd=terminal.folder, env=terminal.environ) as server:
        server.wait_until_ready()
        answer = server.http.post("/add", json=1)
        assert (answer.text, answer.headers["server"]) == ("8", "BentoML Service/Adder")
        assert server.http.get("/metadata").json()["version"] == bundle.info.version
        assert "--enable-microbatch changes nothing" in server.log


def test_the_port_of_bundles(terminal: Terminal, bundle: Bundle) -> None:
    """Without an option a bundle is served on 5000; the variable goes before that."""
    shown = terminal.run("serve", "Adder:latest", "--print-config").stdout
    assert "Adder" in shown
    spec = load_from_dir(str(bundle.path)).__ekiben_service__().spec
    assert spec.http.port == 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "Adder:latest", "--run-with-ngrok"], "nothing here opens a tunnel"),
        (["serve", "Adder:latest", "--yatai-url", "x"], "there is no Yatai server"),
        (["serve", "Adder:latest", "--disable-microbatch"], "what has `batch=True` is batched"),
        (["serve", "Adder:latest", "--disable-swagger"], "every service has its page"),
        (["serve-gunicorn", "Adder:latest", "--microbatch-workers", "2"], "one queue joins the calls"),
        (["serve", "nothing.py", "--mb-max-latency", "5"], "is for bundles of 0.13"),
        (["serve", "Adder:latest", "--mb-max-batch-size", "0"], "--mb-max-batch-size"),
        (["run", "Adder:latest", "add", "--input", "1", "--yatai-url", "x"], "there is no Yatai server"),
        (["containerize", "Adder:latest", "--yatai-url", "x"], "there is no Yatai server"),
    ],
)
def test_options_that_are_refused(terminal: Terminal, bundle: Bundle, words: list[str], said: str) -> None:
    """What cannot be done is refused before anything is loaded, in one line."""
    assert said in terminal.run(*words, code=2).stderr


@pytest.mark.parametrize("name", ["lambda", "sagemaker", "ec2", "azure-functions", "yatai-service-start"])
def test_commands_that_are_refused(terminal: Terminal, name: str) -> None:
    """Commands that spoke to clouds and servers of others say so, whatever stands behind them, and what to do."""
    said = terminal.run(name, "deploy", "x", "--bento", "y:z", code=2).stderr
    assert f"`bentoml {name}` is not supported" in said
    assert "hint: " in said


def test_retrieving(terminal: Terminal, bundle: Bundle) -> None:
    """The folder of a bundle is copied, and works where it is; a full folder is left alone."""
    place = terminal.run("retrieve", "Adder:latest", "--target_dir", "copy").stdout.strip()
    assert Path(place) == terminal.folder / "copy"
    assert load_from_dir(place).add([1]) == [8]
    assert "must be empty or new" in terminal.run("retrieve", "Adder", "--target_dir", "copy", code=1).stderr
    named = Path(terminal.run("retrieve", "Adder").stdout.strip())
    assert named.name == f"Adder_{bundle.info.version}"
    assert terminal.run("retrieve", "nothing", code=1).stderr


def test_completion_is_installed_once(terminal: Terminal) -> None:
    """The script stands in the shell's file once, behind what was there; --overwrite puts it in its place."""
    (terminal.folder / "rc").write_text("export A=1\n")
    for _ in range(2):
        terminal.run("install-completion", "bash", "rc")
    text = (terminal.folder / "rc").read_text()
    assert text.startswith("export A=1\n")
    assert text.count("complete -o nosort") == 1
    terminal.run("install-completion", "zsh", "rc", "--overwrite")
    assert "export A=1" not in (terminal.folder / "rc").read_text()
    (terminal.folder / "rc").write_bytes(b"export A=\xff\n")
    terminal.run("install-completion", "bash", "rc")
    assert (terminal.folder / "rc").read_bytes().startswith(b"export A=\xff\n\n")
    assert "cannot write rc/x: " in terminal.run("install-completion", "bash", "rc/x", code=1).stderr
    assert "must be one of bash" in terminal.run("install-completion", code=2, SHELL="/bin/dash").stderr


def test_where_a_name_is_in_both(terminal: Terminal, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that neither place has is told with both; with a model of a like name each has its own words."""
    said = terminal.run("serve", "Adder:v9", code=1).stderr
    assert "the bundle `Adder` has no version `v9` in" in said
    assert "and the store (" in said
    assert str(bundle.tag) in said
    with bentoml.models.create("adder", signatures={"predict": {}}):
        pass
    assert terminal.run("run", "bundle:Adder", "add", "--input", "1").stdout == "8\n"
