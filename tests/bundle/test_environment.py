"""An environment is made once for a lock, whole or not at all, and is found again or made again."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ekiben.bundle import environment
from ekiben.bundle.environment import (
    child_environ,
    environments,
    find_damage,
    make_environment,
    prune_environments,
    read_recipe,
)
from ekiben.bundle.target import Target, this_python
from ekiben.bundle.wheels import digest
from ekiben.core.errors import ConfigError
from tests.bundle.index import make_wheel, serving


@pytest.fixture
def said() -> list[str]:
    """Collect what is said."""
    return []


@pytest.fixture
def bento(tmp_path: Path, index: str, wheels_of_index: Path) -> Path:
    """Give `env/python` of a bento: a stand-in for Ekiben that travels, and a package of the index."""
    folder = tmp_path / "bento/env/python"
    own = make_wheel(folder / "wheels", "ekiben", "0.1.0", files={"ekiben.py": "print('served')\n"})
    tiny = wheels_of_index / "tiny-1.0-py3-none-any.whl"
    write(folder, f"--index-url {index}\nekiben==0.1.0 --hash={digest(own)}\ntiny==1.0 --hash={digest(tiny)}\n")
    return folder


def write(folder: Path, lock: str, python: str = this_python()) -> Path:
    """Write a lock and a version of Python."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "requirements.lock.txt").write_text(lock)
    (folder / "version.txt").write_text(python + "\n")
    return folder


def run(python: Path, code: str) -> str:
    """Run code in an environment."""
    done = [str(python), "-c", code]
    return subprocess.run(
        done, check=True, capture_output=True, text=True, timeout=60, env=child_environ(python)
    ).stdout


def test_make(bento: Path, said: list[str], home: Path) -> None:
    """The environment has what was locked, and nothing of this one; it is made once."""
    python = make_environment(bento, tell=said.append)
    assert python.is_relative_to(home / "environments")
    assert run(python, "import tiny, sys; print(tiny.VERSION, sys.prefix != sys.base_prefix)") == "1.0 True\n"
    with pytest.raises(subprocess.CalledProcessError):
        run(python, "import numpy")
    made = python.parent.stat().st_mtime_ns
    assert make_environment(bento, tell=said.append) == python
    assert python.parent.stat().st_mtime_ns == made
    assert said == ["Making the environment of the bento."]


def test_run_module(bento: Path, said: list[str]) -> None:
    """The Ekiben that travels is what serves."""
    python = make_environment(bento, tell=said.append)
    done = [str(python), "-m", "ekiben"]
    assert subprocess.run(done, check=True, capture_output=True, text=True, timeout=60).stdout == "served\n"


def test_shared(bento: Path, tmp_path: Path, said: list[str]) -> None:
    """Bentos with one lock share one environment; another lock, wheel or Python has its own."""
    first = read_recipe(bento)
    same = tmp_path / "other"
    (same / "wheels").mkdir(parents=True)
    for path in [*bento.glob("*.txt"), *bento.glob("wheels/*")]:
        (same / path.relative_to(bento)).write_bytes(path.read_bytes())
    assert read_recipe(same).digest == first.digest
    (same / "version.txt").write_text("3.13\n")
    assert read_recipe(same).digest != first.digest
    (same / "version.txt").write_text(f"{this_python()}.4\n")
    assert read_recipe(same).digest == first.digest
    make_wheel(same / "wheels", "more", "1.0")
    assert read_recipe(same).digest != first.digest


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda place: next(place.glob("venv/lib/*/site-packages/tiny.py")).unlink(), id="a lost file"),
        pytest.param(
            lambda place: next(place.glob("venv/lib/*/site-packages/tiny.py")).write_text("VERSION = 'cut"),
            id="a changed file",
        ),
        pytest.param(lambda place: (place / "venv/bin/python").unlink(), id="no Python"),
        pytest.param(lambda place: (place / "files.json").unlink(), id="no list of files"),
        pytest.param(lambda place: (place / "files.json").write_text("[1"), id="half a list of files"),
        pytest.param(lambda place: (place / "files.json").write_text("[]"), id="another list"),
    ],
)
def test_damage(harm, bento: Path, said: list[str]) -> None:
    """A damaged environment is noticed, and made again."""
    python = make_environment(bento, tell=said.append)
    harm(python.parents[2])
    assert make_environment(bento, tell=said.append) == python
    assert run(python, "import tiny; print(tiny.VERSION)") == "1.0\n"
    assert len(said) == 2
    assert said[1].endswith("it is made again")
    assert find_damage(python.parents[2]) is None


def test_compiled_files_are_no_damage(bento: Path, said: list[str]) -> None:
    """What Python compiles in an environment, and what a user adds, does not make it damaged."""
    python = make_environment(bento, tell=said.append)
    subprocess.run([str(python), "-m", "compileall", "-q", str(python.parents[1])], check=True, timeout=60)
    (python.parents[1] / "note.txt").write_text("mine")
    assert find_damage(python.parents[2]) is None


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        pytest.param("ekiben==0.1.0 --hash=sha256:{zeros}\n", "(?i)hash", id="other bytes than were locked"),
        pytest.param("ekiben==0.1.0 {own}\nno-such-thing==1.0 {own}\n", "no-such-thing", id="a package that is gone"),
        pytest.param("ekiben==0.1.0 {own}\ntiny==1.0 {own}\n", "(?i)hash", id="a package that was replaced"),
    ],
)
def test_install_fails(lock: str, words: str, bento: Path, index: str, said: list[str], home: Path) -> None:
    """What is not what was locked is not installed, and nothing half made is left."""
    own = f"--hash={digest(bento / 'wheels/ekiben-0.1.0-py3-none-any.whl')}"
    write(bento, f"--index-url {index}\n" + lock.format(zeros="0" * 64, own=own))
    with pytest.raises(ConfigError, match=words):
        make_environment(bento, tell=said.append)
    assert list(home.glob("environments/*/venv")) == []
    assert list(home.glob("tmp/ekiben-*")) == []


def test_a_lock_newer_than_the_cache(bento: Path, tmp_path: Path, said: list[str]) -> None:
    """A release that uv's copy of the index's page does not know yet is found."""
    wheels = tmp_path / "young"
    first = make_wheel(wheels, "young", "1.0")
    own = f"--hash={digest(bento / 'wheels/ekiben-0.1.0-py3-none-any.whl')}"
    lock = "--index-url {url}\nekiben==0.1.0 {own}\nyoung=={release} --hash={hash}\n"
    with serving(wheels) as url:
        write(bento, lock.format(url=url, own=own, release="1.0", hash=digest(first)))
        make_environment(bento, tell=said.append)
        second = make_wheel(wheels, "young", "2.0")
        write(bento, lock.format(url=url, own=own, release="2.0", hash=digest(second)))
        python = make_environment(bento, tell=said.append)
    assert run(python, "import young; print(young.VERSION)") == "2.0\n"


def test_killed(bento: Path, said: list[str], home: Path, index: str) -> None:
    """A process that is killed while it makes an environment leaves nothing that counts."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom ekiben.bundle import environment\n"
        "environment.put = lambda *_: os._exit(9)\nenvironment.make_environment(Path(sys.argv[1]), tell=print)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(bento)], timeout=100, capture_output=True)
    assert done.returncode == 9, done.stderr
    assert len(list(home.glob("tmp/ekiben-*"))) == 1
    python = make_environment(bento, tell=said.append)
    assert run(python, "import tiny; print(tiny.VERSION)") == "1.0\n"
    assert list(home.glob("tmp/ekiben-*")) == []


def test_two_at_once(bento: Path, said: list[str]) -> None:
    """Of two that want it at once, one makes it and the other waits."""
    found: list[Path] = []
    wanting = [threading.Thread(target=lambda: found.append(make_environment(bento, tell=said.append))) for _ in "ab"]
    for each in wanting:
        each.start()
    for each in wanting:
        each.join(100)
    assert len(found) == 2
    assert found[0] == found[1]
    assert said == ["Making the environment of the bento."]


def test_without_hashes(tmp_path: Path, index: str, said: list[str]) -> None:
    """A lock that was made offline is installed by its versions."""
    folder = tmp_path / "env"
    make_wheel(folder / "wheels", "ekiben", "0.1.0")
    write(folder, f"--index-url {index}\nekiben==0.1.0\nplate==2.0\n")
    recipe = read_recipe(folder)
    assert not recipe.has_hashes
    assert run(make_environment(folder, tell=said.append), "import plate, tiny; print(tiny.VERSION)") == "1.0\n"


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        pytest.param("ekiben==0.1.0\n-r ../../../../etc/passwd\n", "must be a path inside", id="a file outside"),
        pytest.param("ekiben==0.1.0\n-e .\n", "must be a package of an index", id="code beside the lock"),
        pytest.param("ekiben==0.1.0\nx @ file:///etc\n", "must be a path inside", id="a folder of this machine"),
        pytest.param("ekiben==0.1.0\n--config-settings=x\n", "must be a requirement or one of", id="an option"),
        pytest.param("ekiben==0.1.0\nx @ git+ext::sh -c id\n", "must be a requirement", id="a command"),
        pytest.param("ekiben==0.1.0\n# a \\\n-e .\n", "must not end a comment", id="a comment that ends for uv only"),
        pytest.param("ekiben==0.1.0 \\\n # a \\\n-e .\n", "must not end a comment", id="also behind a package"),
        pytest.param("tiny==1.0\n", "has no Ekiben to serve it", id="no Ekiben"),
    ],
)
def test_forged(lock: str, words: str, tmp_path: Path, said: list[str]) -> None:
    """A lock that no build writes is refused before uv reads it."""
    with pytest.raises(ConfigError, match=words):
        make_environment(write(tmp_path / "env", lock), tell=said.append)
    assert not environments().exists() or list(environments().iterdir()) == []


@pytest.mark.parametrize("version", ["", "3.11 --pre", "/bin/sh", "2.7"])
def test_forged_version(version: str, tmp_path: Path, said: list[str]) -> None:
    """A version of Python that is none is refused."""
    with pytest.raises(ConfigError, match="`python_version` must be"):
        make_environment(write(tmp_path / "env", "ekiben==0.1.0\n", version or "none"), tell=said.append)


@pytest.mark.parametrize("name", ["version.txt", "requirements.lock.txt"])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"\xff\xfe\x00", "must be text in UTF-8", id="no text"),
        pytest.param("\ufeffekiben==0.1.0\n".encode("utf-16-le"), "must be text in UTF-8", id="what pip alone reads"),
        pytest.param(b"#" * 2_000_000, "must be at most", id="endless"),
    ],
)
def test_forged_bytes(name: str, data: bytes, words: str, tmp_path: Path) -> None:
    """Bytes that are no text of a lock end in words that name the file."""
    folder = write(tmp_path / "env", "ekiben==0.1.0\n")
    (folder / name).write_bytes(data)
    with pytest.raises(ConfigError, match=words) as refused:
        read_recipe(folder)
    assert name in str(refused.value)


def test_no_lock(tmp_path: Path, said: list[str]) -> None:
    """A bento without a lock says what to do."""
    with pytest.raises(ConfigError, match="the bento has no environment") as caught:
        make_environment(tmp_path, tell=said.append)
    assert caught.value.hint == "build it again"


def test_another_machine(bento: Path, said: list[str]) -> None:
    """What was locked for another processor is not installed here."""
    other = "linux/arm64" if Target.parse().machine == "x86_64" else "linux/amd64"
    with pytest.raises(ConfigError, match=f"the bento was locked for {other}, which this machine is not"):
        make_environment(bento, platform=other, tell=said.append)
    assert make_environment(bento, platform=Target.parse().platform, tell=said.append).exists()


def test_child_environ() -> None:
    """A process in an environment sees that one first, and nothing of where it was started."""
    environ = {"PATH": "/bin", "PYTHONPATH": "/x", "PYTHONHOME": "/y", "VIRTUAL_ENV": "/z", "KEEP": "1"}
    found = child_environ(Path("/e/venv/bin/python"), environ)
    assert found == {"PATH": f"/e/venv/bin{os.pathsep}/bin", "VIRTUAL_ENV": "/e/venv", "KEEP": "1"}


def test_prune(bento: Path, said: list[str]) -> None:
    """Environments that nobody wanted for long go; those in use stay; a pruned one is made again."""
    python = make_environment(bento, tell=said.append)
    place = python.parents[2]
    used = (place / environment.USED).stat().st_mtime
    assert prune_environments(before=used - 10) == []
    assert python.exists()
    assert prune_environments(before=used + 10) == [place.name]
    assert not python.exists()
    assert prune_environments(before=used + 10) == []
    assert make_environment(bento, tell=said.append) == python
    assert json.loads((place / environment.FILES).read_text())


def test_prune_leaves_what_runs(bento: Path, said: list[str]) -> None:
    """An environment stays from the moment that a process has it, also after that process became another program."""
    place = make_environment(bento, tell=said.append).parents[2]
    used = (place / environment.USED).stat().st_mtime
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom ekiben.bundle.environment import make_environment\n"
        "python = str(make_environment(Path(sys.argv[1]), tell=print, keep=True))\n"
        "print('made', flush=True)\ninput()\n"
        "os.execv(python, [python, '-c', 'print(1, flush=True); input()'])\n"
    )
    words = [sys.executable, "-c", code, str(bento)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdin is not None
        assert running.stdout.readline() == "made\n"
        assert prune_environments(before=used + 1000) == []
        running.stdin.write("\n")
        running.stdin.flush()
        assert running.stdout.readline() == "1\n"
        assert prune_environments(before=used + 1000) == []
        running.communicate("\n", timeout=60)
    assert prune_environments(before=used + 1000) == [place.name]
