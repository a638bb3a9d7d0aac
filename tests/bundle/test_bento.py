"""A build makes a whole bento of a project, the same each time, or nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import ekiben
from ekiben.bundle.bento import BuildKeywords, build
from ekiben.bundle.options import BuildOptions
from ekiben.bundle.target import Target
from ekiben.core.errors import AlreadyExists, ConfigError, InvalidInput, NotFound, ServiceLoadError
from ekiben.store.bentos import Bento, bento_store
from tests.bundle.projects import SERVICE, Write

DYING = "import os; os.kill(os.getpid(), 9)"
USING = """
import ekiben

TAG = "flowers:latest"

@ekiben.service
class User:
    held = ekiben.models.get("held")

    def __init__(self):
        from ekiben.picklable_model import load_model
        self.loaded = ekiben.picklable_model.load_model(TAG)
        self.other = load_model("local")
        self.nothing = {"unused": 1}.get("unused")

    @ekiben.api
    def call(self) -> str:
        return str(self.held.tag)
"""


def built(project: Path, **options: Any) -> Bento:
    return build(build_ctx=project, tell=lambda _: None, **options)


def model(name: str) -> str:
    with ekiben.models.create(name, module="ekiben.picklable_model") as made:
        (made.path / "x").write_text(name)
    return str(made.tag)


def nothing_left(home: Path) -> bool:
    """Whether neither a bento nor a piece of one lies in the home."""
    left = [path for path in home.rglob("*") if path.name not in (".lock", "bentos", "tmp", "models")]
    return left == []


def test_what_is_in_it(write: Write, home: Path) -> None:
    """The folder holds the code, the environment, the APIs, what people read, and a manifest of all that."""
    bento = built(write())
    files = {path.relative_to(bento.path).as_posix() for path in bento.path.rglob("*") if path.is_file()}
    assert files == {
        "README.md", "apis/openapi.yaml", "apis/schema.json", "bento.yaml", "env/python/requirements.txt",
        "env/python/requirements.lock.txt", "env/python/version.txt", "env/python/wheels/ekiben-0.1.0-py3-none-any.whl",
        "manifest.json", "src/helper.py", "src/service.py",
    }  # fmt: skip
    assert bento.path == home / "bentos/doubler" / bento.info.version
    assert (bento.path / "README.md").read_text() == "Doubles numbers.\n"
    openapi = yaml.safe_load((bento.path / "apis/openapi.yaml").read_text())
    assert "/call" in openapi["paths"]
    schema = json.loads((bento.path / "apis/schema.json").read_text())
    assert [each["name"] for each in schema["endpoints"]] == ["call"]
    assert set(bento_store().verify(bento.tag).files) == files - {"manifest.json"}


def test_what_it_says(write: Write) -> None:
    """`bento.yaml` holds the service's spec, labels, variables and environment, and reads as what was written."""
    project = write()
    (project / "bentofile.yaml").write_text(
        "service: service:Doubler\nlabels: {stage: dev, team: above}\nenvs: [{name: LEVEL, value: '3'}]\n"
        "docker: {system_packages: [curl], env: {A: b}, setup_script: setup.sh, python_version: '3.12'}\n"
        "include: ['*.py']\npython: {packages: [numpy], requirements_txt: needs.txt}\n"
    )
    (project / "setup.sh").write_text("#!/bin/sh\n")
    (project / "needs.txt").write_text("pandas\n")
    bento = built(project, version="v1")
    plain = yaml.safe_load((bento.path / "bento.yaml").read_text())
    assert (plain["service"], plain["name"], plain["version"]) == ("service:Doubler", "doubler", "v1")
    assert plain["labels"] == {"stage": "dev", "team": "above"}
    assert plain["services"][-1]["spec"]["endpoints"][0]["name"] == "call"
    assert plain["envs"] == [{"name": "LEVEL", "value": "3", "stage": "all"}]
    assert plain["docker"] == {
        "system_packages": ["curl"], "env": {"A": "b"}, "setup_script": "env/docker/setup_script",
        "python_version": "3.12",
    }  # fmt: skip
    assert (bento.path / "env/docker/setup_script").read_text() == "#!/bin/sh\n"
    assert (bento.path / "env/system_packages.txt").read_text() == "curl\n"
    assert (bento.path / "env/python/version.txt").read_text() == "3.12\n"
    assert {"pandas", "numpy"} <= set((bento.path / "env/python/requirements.txt").read_text().split())
    assert (bento.path / "src/bentofile.yaml").is_file(), "what says how to build always goes in"
    assert bento_store().get("doubler:v1").info == bento.info


def test_the_same_again(write: Write) -> None:
    """The same project gives the same digest, whatever its version, its folder and the time; another does not."""
    first, second = built(write()), built(write(name="elsewhere"), version="v2")
    assert first.digest == second.digest
    assert first.tag != second.tag
    other = write({"service.py": SERVICE, "helper.py": "def double(x):\n    return 3 * x\n"}, name="other")
    assert built(other).digest != first.digest
    assert built(write(), labels={"a": "b"}).digest != first.digest


def test_the_same_in_any_process(write: Write, home: Path) -> None:
    """Hashes that differ by process, another folder to stand in and a slower clock change nothing."""
    project = write()
    script = f"import ekiben; print(ekiben.build(build_ctx={str(project)!r}).digest)"
    found = set()
    for seed in ("1", "2"):
        command, env = [sys.executable, "-c", script], {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=100, check=True)
        found.add(done.stdout.strip())
    assert found == {built(project).digest}


def test_packages_are_locked(write: Write, index: str) -> None:
    """The lock holds what the project asks for, and says for which platform; a wheel of this Ekiben lies beside."""
    said: list[str] = []
    options = {"packages": ["plate"], "index_url": index}
    bento = build(build_ctx=write(), tell=said.append, platform="linux/arm64", python=options)
    text = (bento.path / "env/python/requirements.lock.txt").read_text()
    assert "\nplate==2.0 \\\n    --hash=sha256:" in text
    assert "\ntiny==1.0 \\\n" in text
    assert {"platform": "linux/arm64", "locked": "hashes"}.items() <= bento.info.environment.items()
    assert said.index("Locking PyPI package versions.") < len(said) - 1
    pinned = [line for line in text.splitlines() if "==" in line]
    assert said[-1] == f"Locked {len(pinned)} packages for {Target.parse('linux/arm64')}, with hashes."
    assert built(write(), python=options, platform="linux/arm64").digest == bento.digest


def test_packages_that_cannot_be_locked(write: Write, index: str, home: Path) -> None:
    """A build whose packages contradict each other, or whose platform is none, leaves nothing."""
    with pytest.raises(ConfigError, match=r"locking packages failed, and uv says: .*tiny"):
        built(write(), python={"packages": ["plate", "tiny>=1.1"], "index_url": index})
    with pytest.raises(ConfigError, match="`platform` must be linux/amd64 or linux/arm64: 'windows'"):
        built(write(), platform="windows")
    assert nothing_left(home)


def test_no_place_of_this_machine(write: Write, home: Path) -> None:
    """Code that speaks of its own folder, in a module named like one of Python's, gives the same bento each time."""
    text = SERVICE.replace(
        "from helper import double", "from pathlib import Path\n\ndouble = abs\nHERE = str(Path(__file__).parent)"
    )
    project = write({"queue.py": text.replace("x: int", "x: int = 1, where: str = HERE")})
    first, second = built(project, service="queue.py:Doubler"), built(project, service="queue.py:Doubler")
    assert first.digest == second.digest
    for path in ("bento.yaml", "apis/openapi.yaml", "apis/schema.json"):
        assert str(home) not in (first.path / path).read_text()
    assert first.info.services[-1]["service"] == "queue:Doubler"


def test_secrets_stay_out(write: Write) -> None:
    """Neither tokens nor passwords of a service's options are written down beside its code."""
    options = 'auth={"tokens": [{"name": "a", "env": "SECRET_TOKEN"}]}, ssl={"enabled": True, "certfile": "c.pem", '
    options += '"keyfile_password": "hush-hush"}'
    project = write({"service.py": SERVICE.replace('labels={"team": "own"}', options), "helper.py": "double = abs\n"})
    text = (built(project).path / "bento.yaml").read_text()
    assert "hush-hush" not in text
    assert "SECRET_TOKEN" not in text


def test_files_of_passwords_are_named(write: Write) -> None:
    """A file of passwords stays out of the bento, and the build says so and how to take it back."""
    project, said = write(), list[str]()
    (project / ".env").write_text("TOKEN=hush")
    bento = build(build_ctx=project, tell=said.append)
    assert not (bento.source / ".env").exists()
    assert "Leaving out .env, which may hold passwords; `!.env` in .bentoignore packs it." in said


def test_models_are_found(write: Write) -> None:
    """Models that the code asks for go with it, by version and digest: held, loaded in `__init__`, or named."""
    tags = [model(name) for name in ("held", "flowers", "local", "named", "unused")]
    project = write({"service.py": USING})
    (project / "bentofile.yaml").write_text("models: [named, {tag: flowers, alias: blooms}]\n")
    said: list[str] = []
    bento = build(build_ctx=project, tell=said.append)
    assert sorted(str(each.tag) for each in bento.info.models) == sorted(tags[:4])
    assert {each.digest for each in bento.info.models} == {ekiben.models.get(tag).digest for tag in tags[:4]}
    assert [each.alias for each in bento.info.models if each.alias] == ["blooms"]
    assert {f'Packing model "{tag}"' for tag in tags[:4]} <= set(said)


def test_an_alias_is_known_to_the_code(write: Write) -> None:
    """While the code is read, an alias is a name that it may ask for."""
    model("flowers")
    project = write({"service.py": USING.replace('get("held")', 'get("blooms")').replace('"local"', "TAG")})
    with pytest.raises(ServiceLoadError, match="blooms"):
        built(project)
    (project / "bentofile.yaml").write_text("models: [{tag: flowers, alias: blooms}]\n")
    assert [each.tag.name for each in built(project).info.models] == ["flowers"]


def test_an_alias_is_of_one_model(write: Write) -> None:
    """Of two versions that travel the one under the alias is the one that was named, and a second alias is refused."""
    old, new = model("flowers"), model("flowers")
    project = write({"service.py": USING.replace('get("held")', f'get("{old}")').replace('"local"', "TAG")})
    (project / "bentofile.yaml").write_text("models: [{tag: flowers, alias: Blooms}]\n")
    assert {str(each.tag): each.alias for each in built(project).info.models} == {old: None, new: "blooms"}
    (project / "bentofile.yaml").write_text(
        f"models: [{{tag: flowers, alias: blooms}}, {{tag: '{new}', alias: petals}}]\n"
    )
    with pytest.raises(ConfigError, match=f"`models\\[1\\].alias` must be the one name of {new}"):
        built(project)


def test_what_is_said(write: Write) -> None:
    """A build says what it builds from where, and what it packs."""
    said: list[str] = []
    project = write()
    bento = build(build_ctx=project, tell=said.append)
    assert said[0] == f'Building Ekiben service "{bento.tag}" from build context "{project}".'
    assert said[1] == f"Packing 2 files, {sum(path.stat().st_size for path in project.iterdir())} bytes."


def test_a_build_leaves_the_project_alone(write: Write) -> None:
    """Nothing is written into the project, and nothing of its code stays in the process that builds."""
    project = write()
    (project / "service.py").write_text(SERVICE + "\nopen('written.txt', 'w').write('x')\n")
    before = sorted(path.name for path in project.rglob("*"))
    bento = built(project)
    assert sorted(path.name for path in project.rglob("*")) == before
    assert "helper" not in sys.modules
    assert not (bento.path / "src/written.txt").exists(), "nor into the bento"


def test_a_change_is_seen(write: Write) -> None:
    """Built again in the same process, a project is read again."""
    project = write()
    built(project)
    (project / "service.py").write_text(SERVICE.replace("Doubler", "Renamed"))
    assert built(project).tag.name == "renamed"


def test_src_layout(write: Write) -> None:
    """A package in `src/` is found where a pyproject.toml lies beside it, or where that is said."""
    serve = SERVICE.replace("from helper", "from package.helper")
    files = {"__init__.py": "", "serve.py": serve, "helper.py": "double = abs\n"}
    project = write({f"src/package/{name}": text for name, text in files.items()})
    with pytest.raises(ServiceLoadError, match=r"is not there: 'package\.serve:Doubler'"):
        built(project, service="package.serve:Doubler")
    bento = built(project, service="package.serve:Doubler", python={"is_src_layout": True})
    assert bento.info.import_roots == (".", "src")
    (project / "pyproject.toml").write_text('[tool.ekiben.build]\nservice = "package.serve:Doubler"\n')
    assert built(project).info.import_roots == (".", "src")


@pytest.mark.parametrize(
    ("files", "options", "error", "words"),
    [
        pytest.param({"a.py": ""}, {}, ConfigError, "`service` must be said", id="no service"),
        pytest.param({"service.py": ""}, {}, ServiceLoadError, "has no service", id="a module without one"),
        pytest.param({"service.py": "1 / 0"}, {}, ServiceLoadError, "ZeroDivisionError", id="code that fails"),
        pytest.param({"service.py": "raise SystemExit(3)"}, {}, ServiceLoadError, "SystemExit", id="code that leaves"),
        pytest.param({"service.py": DYING}, {}, ServiceLoadError, "ended with -9", id="or dies"),
        pytest.param({"service.py": SERVICE}, {}, ServiceLoadError, "'helper'", id="a file that is gone"),
        pytest.param(None, {"include": ["service.py"]}, ServiceLoadError, "'helper'", id="one not included"),
        pytest.param(None, {"exclude": ["service.py"]}, ServiceLoadError, "no file", id="a service that is excluded"),
        pytest.param(None, {"models": ["nowhere:v1"]}, NotFound, "no model 'nowhere:v1'", id="a model that is gone"),
        pytest.param(None, {"version": "latest"}, InvalidInput, "latest", id="latest as a version"),
        pytest.param(None, {"bentofile": "gone.yaml"}, ConfigError, "cannot be read", id="settings that are gone"),
        pytest.param(None, {"python": {"is_src_layout": True}}, ConfigError, "needs a folder", id="no such layout"),
        pytest.param(None, {"serivce": "a"}, ConfigError, "`serivce`", id="an unknown option"),
        pytest.param(None, {"service": "json:loads"}, ServiceLoadError, "is not there", id="an installed module"),
        pytest.param(None, {"service": "../outside.py:X"}, ConfigError, "inside the project", id="a file outside"),
    ],
)  # fmt: skip
def test_nothing_is_left(
    files: dict[str, str] | None, options: dict[str, Any], error: type[Exception], words: str, write: Write, home: Path
) -> None:
    """Whatever goes wrong, the error says what, and the store is as it was."""
    project = write(files)
    with pytest.raises(error, match=words) as caught:
        built(project, **options)
    assert str(home / "tmp") not in str(caught.value), "an error speaks of the project's own folder"
    assert nothing_left(home)


def test_a_version_is_built_once(write: Write) -> None:
    """A tag that is there is never built over."""
    project = write()
    built(project, version="v1")
    with pytest.raises(AlreadyExists, match="'doubler:v1' exists already"):
        built(project, version="v1")
    with pytest.raises(AlreadyExists, match="exists already"):
        built(project, name="Doubler", version="v1")


def test_no_folder(tmp_path: Path) -> None:
    """A build context is a folder."""
    with pytest.raises(ConfigError, match="must be a folder"):
        built(tmp_path / "nowhere")


@pytest.mark.parametrize("moment", ["describe", "finish"])
def test_a_killed_build_leaves_nothing(moment: str, write: Write, home: Path) -> None:
    """A build that is killed leaves no bento, and what it had written so far goes with the next build."""
    project = write()
    where = {"describe": "ekiben.bundle.bento.describe", "finish": "ekiben.store.bentos.sync_tree"}[moment]
    module, _, name = where.rpartition(".")
    script = (
        f"import os, {module} as m\n"
        f"m.{name} = lambda *args, **kwargs: os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
        f"from ekiben.bundle.bento import build\nbuild(build_ctx={str(project)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], env=os.environ, capture_output=True, timeout=100, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert bento_store().list() == []
    assert any((home / "tmp").iterdir()), "it had begun"
    bento = built(project)
    assert bento_store().list() == [bento]
    assert list((home / "tmp").iterdir()) == []


def test_links_do_not_leak(write: Write, home: Path, tmp_path: Path) -> None:
    """A link out of the project ends the build, and its target is in no bento."""
    (tmp_path / "secret").write_text("secret")
    project = write()
    (project / "data.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ConfigError, match="leads out of the project"):
        built(project)
    assert nothing_left(home)


def test_types_and_options_agree() -> None:
    """The keywords that type checkers know are the keys of a bentofile; steps are said in code alone."""
    assert {*BuildKeywords.__annotations__, "service"} == set(BuildOptions.__dataclass_fields__) - {"steps"}
