"""A lock holds what a bento's environment needs to start, with hashes, and nothing of this machine."""

import hashlib
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ekiben.bundle.lock import Lock, lock
from ekiben.bundle.options import PythonOptions
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import pack_distribution
from ekiben.core.errors import ConfigError
from ekiben.core.tag import Tag
from ekiben.store.info import ModelInfo
from tests.bundle.index import PASSWORD, USER, make_wheel, serving, unpack
from tests.bundle.test_wheels import make_project

TARGET = Target.parse()


def locked(project: Path, *, models: tuple[ModelInfo, ...] = (), name: str = "wheels", **more: Any) -> Lock:
    """Lock a project; *more* are keys of `python`, `target`, `entry` and `services`."""
    rest = {key: more.pop(key) for key in ("target", "entry", "services") if key in more}
    folder = project.parent / name
    found = lock(PythonOptions(**more), context=project, models=models, wheels=folder, tell=lambda _: None, **rest)
    assert set(folder.iterdir()) == set(found.wheels)
    return found


def pins(found: Lock) -> dict[str, str]:
    """Give the locked versions by name."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\\n]+)", found.locked or "", re.MULTILINE))


def hashes(found: Lock, name: str) -> list[str]:
    """Give the hashes of one package."""
    entry = re.search(rf"^{name}==[^\\\n]*(?:\\\n[^\\\n]*)*", found.locked or "", re.MULTILINE)
    return re.findall(r"sha256:([0-9a-f]{64})", entry[0]) if entry else []


def test_lock(project: Path, index: str, wheels_of_index: Path) -> None:
    """Each package and what it needs stands there in one version, with the hash of each of its files."""
    found = locked(project, packages=("plate[blue]",), index_url=index)
    assert {"plate": "2.0", "tiny": "1.0", "dye": "0.3"}.items() <= pins(found).items()
    assert found.has_hashes
    expected = hashlib.sha256((wheels_of_index / "tiny-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    assert hashes(found, "tiny") == [expected]
    assert all(hashes(found, name) for name in pins(found))
    assert found.asked.startswith(f"--index-url {index}\nplate[blue]\n")


def test_ekiben_travels(project: Path, index: str) -> None:
    """The wheel of this Ekiben travels, and is what `ekiben` means in the lock, for what it needs too."""
    found = locked(project, index_url=index)
    [wheel] = found.wheels
    assert wheel.name.startswith("ekiben-")
    assert hashes(found, "ekiben") == [hashlib.sha256(wheel.read_bytes()).hexdigest()]
    assert {"uvicorn", "pydantic", "numpy"} <= pins(found).keys()
    assert "ekiben 0.1.0 travels as a wheel: the bento is served by what built it" in found.notes
    assert "\nekiben==0.1.0  # the bento is served by what built it\n" in found.asked


def test_asked_for_ekiben(project: Path, index: str) -> None:
    """Who asks for Ekiben in another version gets the one that builds, and is told."""
    found = locked(project, packages=("ekiben<0.1",), index_url=index)
    assert pins(found)["ekiben"] == "0.1.0"
    assert any("'ekiben<0.1' is asked for: it is what runs here" in note for note in found.notes)


def test_same_bytes(project: Path, index: str) -> None:
    """The same inputs give the same bytes, in the texts and in the wheels."""
    make_project(project / "lib")
    options = {"packages": ("plate", "./lib"), "index_url": index}
    one, two = locked(project, name="one", **options), locked(project, name="two", **options)
    assert (one.asked, one.locked, one.notes) == (two.asked, two.locked, two.notes)
    assert [each.read_bytes() for each in one.wheels] == [each.read_bytes() for each in two.wheels]
    assert [each.name for each in one.wheels] == [each.name for each in two.wheels]


def test_nothing_of_this_machine(project: Path, index: str) -> None:
    """No folder of this machine stands in a lock."""
    make_project(project / "lib")
    make_wheel(project / "links", "linked", "1.0")
    found = locked(project, packages=("./lib", "linked"), find_links=("links",), index_url=index)
    text = f"{found.asked}{found.locked}{found.notes}"
    assert str(project.parent) not in text
    assert "file:" not in text


def test_models(project: Path, index: str, wheels_of_index: Path) -> None:
    """The packages by which the models were saved are locked in their versions, each with a line."""
    model = ModelInfo.new(Tag.parse("mnist:v1"), context={"framework_versions": {"tiny": "1.0"}})
    found = locked(project, models=(model,), index_url=index)
    assert pins(found)["tiny"] == "1.0"
    assert "tiny==1.0 is added: the model mnist:v1 was saved with it" in found.notes
    assert "\ntiny==1.0  # the model mnist:v1 was saved with it\n" in found.asked


def test_models_give_way(project: Path, index: str) -> None:
    """Where no index has the version of a model, another is locked, and it is said."""
    model = ModelInfo.new(Tag.parse("mnist:v1"), context={"framework_versions": {"tiny": "0.5"}})
    found = locked(project, models=(model,), index_url=index)
    assert pins(found)["tiny"] == "1.1"
    assert "the versions by which the models were saved do not go with the rest, so others were locked" in found.notes


def test_imports(project: Path, index: str, wheels_of_index: Path) -> None:
    """What the service imports and nothing brings is added in the installed version; the rest is not."""
    make_wheel(wheels_of_index, "idna", version("idna"))
    service = project / "service.py"
    service.write_text("import click\nimport idna\nimport no_such_module\n")
    found = locked(project, entry=service, index_url=index)
    assert pins(found)["idna"] == version("idna")
    assert f"idna=={version('idna')} is added: service.py:2 imports idna" in found.notes
    assert "`no_such_module` is not installed here, and service.py:3 imports it" in found.notes
    assert not any("click" in note for note in found.notes)


def test_what_a_service_says_of_itself(project: Path, index: str, wheels_of_index: Path) -> None:
    """A model at Hugging Face and tracing bring their packages, though no line of the service imports these."""
    make_wheel(wheels_of_index, "huggingface_hub", version("huggingface_hub"))
    make_wheel(wheels_of_index, "opentelemetry_api", version("opentelemetry-api"))
    hub = {"attribute": "folder", "tag": "team/tiny@main", "registry": "huggingface"}
    services = [{"name": "Chat", "spec": {"models": [hub], "tracing": {"sample_rate": None}}}]
    found = locked(project, services=services, index_url=index)
    assert pins(found)["huggingface-hub"] == version("huggingface_hub")
    assert pins(found)["opentelemetry-api"] == version("opentelemetry-api")
    added = f"huggingface-hub=={version('huggingface_hub')} is added"
    assert f"{added}: Chat.folder (team/tiny@main) imports huggingface_hub" in found.notes
    plain = [{"name": "Plain", "spec": {"models": [{**hub, "registry": None}], "tracing": None}}]
    assert "huggingface-hub" not in pins(locked(project, services=plain, index_url=index, name="plain"))


def test_imports_of_what_travels(project: Path, index: str) -> None:
    """A module that a local package brings is not told as missing, though it is not installed here."""
    make_project(project / "lib")
    service = project / "service.py"
    service.write_text("import mylib\nimport mylib.inner\nimport my\n")
    found = locked(project, entry=service, packages=("./lib",), index_url=index)
    assert [note for note in found.notes if "not installed" in note] == [
        "`my` is not installed here, and service.py:3 imports it"
    ]


def test_local_package(project: Path, index: str) -> None:
    """A local package with a `src` layout travels as a wheel, with what it requires from the index."""
    make_project(project / "lib", needs='"plate"')
    (project / "requirements.txt").write_text("-e ./lib  # ours\n")
    found = locked(project, requirements_txt="requirements.txt", index_url=index)
    assert {"mylib": "0.2", "plate": "2.0", "tiny": "1.0"}.items() <= pins(found).items()
    [wheel] = [each for each in found.wheels if each.name.startswith("mylib")]
    assert hashes(found, "mylib") == [hashlib.sha256(wheel.read_bytes()).hexdigest()]
    assert "mylib 0.2 travels as a wheel: built from lib" in found.notes


def test_wheels(project: Path, index: str) -> None:
    """A wheel of the project travels as it is, and counts before the index."""
    wheel = make_wheel(project / "dist", "tiny", "1.0", files={"extra.py": "ours = True"})
    found = locked(project, packages=("plate",), wheels=("dist/tiny-1.0-py3-none-any.whl",), index_url=index)
    assert hashes(found, "tiny") == [hashlib.sha256(wheel.read_bytes()).hexdigest()]
    assert wheel.read_bytes() in [each.read_bytes() for each in found.wheels]


def test_find_links(project: Path, index: str) -> None:
    """What is locked from a folder of wheels travels; wheels of other versions and machines stay."""
    make_wheel(project / "links", "linked", "1.0")
    make_wheel(project / "links", "linked", "1.1", tag="py3-none-win_amd64")
    make_wheel(project / "links", "tiny", "0.1")
    found = locked(project, packages=("linked", "tiny"), find_links=("links",), index_url=index)
    assert {"linked": "1.0", "tiny": "1.1"}.items() <= pins(found).items()
    assert [each.name.partition("-")[0] for each in found.wheels] == ["ekiben", "linked"]


def test_no_index(project: Path, wheels_of_index: Path) -> None:
    """Without an index, the folder alone is asked."""
    for each in wheels_of_index.glob("*.whl"):
        (project / "links").mkdir(exist_ok=True)
        (project / "links" / each.name).write_bytes(each.read_bytes())
    found = locked(project, packages=("tiny",), find_links=("links",), no_index=True)
    assert found.has_hashes
    assert "--no-index\n" in (found.locked or "")
    assert {"tiny", "uvicorn"} <= {each.name.partition("-")[0] for each in found.wheels}


def test_targets(project: Path, index: str) -> None:
    """What only one processor has is locked for that processor."""
    arm = Target("aarch64", "3.12")
    assert pins(locked(project, packages=("only-arm",), index_url=index, target=arm))["only-arm"] == "1.0"
    with pytest.raises(ConfigError, match=r"locking packages failed, and uv says: .*only-arm"):
        locked(project, packages=("only-arm",), index_url=index, target=Target("x86_64", "3.12"), name="other")


@pytest.mark.parametrize(
    ("pip_args", "expected"),
    [
        pytest.param((), "1.1", id="no release candidate unasked"),
        pytest.param(("--pre",), "2.0rc1", id="a release candidate"),
        pytest.param(("--prefer-binary",), "1.1", id="wheels first"),
        pytest.param(("--only-binary", ":all:"), "1.1", id="wheels only"),
    ],
)
def test_pip_args(pip_args: tuple[str, ...], expected: str, project: Path, index: str) -> None:
    """The options of `pip_args` work."""
    assert pins(locked(project, packages=("tiny",), pip_args=pip_args, index_url=index))["tiny"] == expected


def test_no_binary(project: Path, index: str) -> None:
    """A package that is wanted from sources, and has none, cannot be locked."""
    with pytest.raises(ConfigError, match="tiny"):
        locked(project, packages=("tiny",), pip_args=("--no-binary", "tiny"), index_url=index)


def test_constraints(project: Path, index: str) -> None:
    """A constraint narrows what others bring."""
    (project / "narrow.txt").write_text("tiny<1.1\n")
    (project / "requirements.txt").write_text("tiny\n-c narrow.txt\n")
    assert pins(locked(project, requirements_txt="requirements.txt", index_url=index))["tiny"] == "1.0"


def test_unlocked(project: Path) -> None:
    """With `lock_packages: false` nothing is locked and no index is asked; what travels travels."""
    found = locked(project, packages=("tiny>=1",), lock_packages=False)
    assert (found.locked, found.has_hashes) == (None, False)
    assert found.asked.splitlines()[0] == "tiny>=1"
    assert [each.name for each in found.wheels] == ["ekiben-0.1.0-py3-none-any.whl"]


def test_offline(project: Path) -> None:
    """Where no index answers, versions are those installed here, without hashes, said in one line."""
    found = locked(project, packages=("scikit-learn", "no-such-thing>=2"))
    assert {name: version(name) for name in ("scikit-learn", "numpy", "uvicorn")}.items() <= pins(found).items()
    assert "--hash" not in (found.locked or "")
    assert not found.has_hashes
    told = [note for note in found.notes if "no index of packages can be reached" in note]
    assert told == ["no index of packages can be reached, so versions are those installed here, without hashes"]
    assert "no-such-thing>=2 is not installed here, so it stays as it is asked for" in found.notes
    assert "\nno-such-thing>=2\n" in (found.locked or "")


def test_offline_imports(project: Path) -> None:
    """What the service imports is pinned offline too, and the index is not asked twice."""
    (project / "service.py").write_text("import scipy\n")
    found = locked(project, entry=project / "service.py")
    assert pins(found)["scipy"] == version("scipy")
    assert pins(found)["numpy"] == version("numpy")
    assert sum("no index" in note for note in found.notes) == 1


def test_without_uv(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without uv it is the same, with the command that installs it."""
    (tmp_path / "packed").mkdir()
    monkeypatch.syspath_prepend(unpack(pack_distribution("ekiben", tmp_path / "packed"), tmp_path / "site"))
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = locked(project, packages=("numpy",))
    assert "numpy" in pins(found)
    assert any("uv is not installed" in note and "pip install 'ekiben[build]'" in note for note in found.notes)


def test_nothing_goes_together(project: Path, index: str) -> None:
    """Requirements that contradict each other are an error with uv's reason."""
    with pytest.raises(ConfigError, match=r"locking packages failed, and uv says: .*tiny") as caught:
        locked(project, packages=("plate", "tiny>=1.1"), index_url=index)
    assert str(project.parent) not in str(caught.value)


@pytest.mark.parametrize("how", ["variables", "netrc"])
def test_private_index(
    how: str, project: Path, wheels_of_index: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An index that asks for a password is read, and the password ends nowhere."""
    with serving(wheels_of_index, private=True) as url:
        if how == "variables":
            monkeypatch.setenv("INDEX_USER", USER)
            monkeypatch.setenv("INDEX_PASSWORD", PASSWORD)
            address = url.replace("http://", "http://${INDEX_USER}:${INDEX_PASSWORD}@")
        else:
            (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
            address = url
        found = locked(project, packages=("tiny",), index_url=address)
    assert pins(found)["tiny"] == "1.1"
    assert f"--index-url {address}\n" in (found.locked or "")
    text = f"{found.asked}{found.locked}{found.notes}".encode() + b"".join(each.read_bytes() for each in found.wheels)
    assert PASSWORD.encode() not in text
    assert USER.encode() not in text


def test_wrong_password(project: Path, wheels_of_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that refuses a password does not make the error repeat it."""
    monkeypatch.setenv("INDEX_PASSWORD", "hunter2")
    with serving(wheels_of_index, private=True) as url, pytest.raises(ConfigError) as caught:
        locked(project, packages=("tiny",), index_url=url.replace("http://", "http://me:${INDEX_PASSWORD}@"))
    assert "hunter2" not in str(caught.value)


def test_extra_index(project: Path, index: str, tmp_path: Path) -> None:
    """A package that only the second index has comes from there."""
    make_wheel(tmp_path / "more", "private-thing", "3.0")
    with serving(tmp_path / "more") as url:
        found = locked(project, packages=("private-thing", "tiny"), index_url=index, extra_index_url=(url,))
    assert {"private-thing": "3.0", "tiny": "1.1"}.items() <= pins(found).items()
    assert f"--extra-index-url {url}\n" in (found.locked or "")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"packages": ("numpy\n--index-url https://evil.example",)}, id="a second line in a package"),
        pytest.param({"packages": ("--index-url=https://evil.example",)}, id="an option as a package"),
        pytest.param({"packages": ("../neighbour",)}, id="a package outside of the project"),
        pytest.param({"wheels": ("/etc/passwd",)}, id="a wheel outside of the project"),
        pytest.param({"requirements_txt": "../requirements.txt"}, id="requirements outside of the project"),
        pytest.param({"index_url": "https://a:hunter2@x.example/simple"}, id="a password in the index"),
        pytest.param({"extra_index_url": ("https://hunter2@x.example/simple",)}, id="a token in an index"),
        pytest.param({"find_links": ("/",)}, id="links outside of the project"),
        pytest.param({"trusted_host": ("x --pre",)}, id="an option behind a host"),
        pytest.param({"pip_args": ("--target", "/")}, id="an option of pip that writes elsewhere"),
    ],
)
def test_attacks(options: dict[str, Any], project: Path) -> None:
    """What a hostile bentofile says is refused before uv is asked, and nothing is written."""
    with pytest.raises(ConfigError) as caught:
        lock(PythonOptions(**options), context=project, models=(), wheels=project / "w", tell=lambda _: None)
    assert "`python." in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert not (project / "w").exists()


def test_installed_from_a_folder(project: Path, index: str, tmp_path: Path) -> None:
    """A package that is installed here from its folder travels, and is not looked for in an index."""
    make_project(tmp_path / "lib", needs='"tiny"')
    site = tmp_path / "site"
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, *words, str(tmp_path / "lib")], check=True, capture_output=True, timeout=100)
    code = (
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, sys.argv[1])\n"
        "from ekiben.bundle.lock import lock\nfrom ekiben.bundle.options import PythonOptions\n"
        "place = Path(sys.argv[2])\n(place / 'service.py').write_text('import mylib')\n"
        "options = PythonOptions(packages=tuple(sys.argv[4:]), index_url=sys.argv[3])\n"
        "found = lock(options, context=place, models=(), wheels=place / 'w', entry=place / 'service.py', tell=print)\n"
        "print(found.locked)\n"
    )
    for asked in (["mylib"], []):
        done = [sys.executable, "-c", code, str(site), str(project), index, *asked]
        printed = subprocess.run(done, check=True, capture_output=True, text=True, timeout=100).stdout
        assert "mylib 0.2 travels as a wheel" in printed
        assert "\nmylib==0.2 \\\n    --hash=" in printed
        assert "\ntiny==1.1 \\\n" in printed
