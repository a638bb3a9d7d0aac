"""A package of git is fetched at one commit, and its password is seen by nobody."""

import os
import subprocess
from pathlib import Path

import pytest

from ekiben.bundle.git import fetch, plain, settle_environment, split_ref
from ekiben.core.errors import ConfigError, MissingLibrary


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as somebody."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository with two commits, a tag on the first and a branch of one more."""
    folder = tmp_path / "lib.git"
    (folder / "python").mkdir(parents=True)
    git(folder, "init", "--quiet")
    for number in (1, 2):
        (folder / "python/value.py").write_text(f"VALUE = {number}\n")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "-m", f"{number}")
        if number == 1:
            git(folder, "tag", "v1")
    git(folder, "checkout", "--quiet", "-b", "feature/x")
    (folder / "python/value.py").write_text("VALUE = 3\n")
    git(folder, "commit", "--quiet", "-am", "3")
    git(folder, "checkout", "--quiet", "main")
    return folder


@pytest.mark.parametrize(
    ("ref", "value"),
    [
        pytest.param("", 2, id="the default branch"),
        pytest.param("@v1", 1, id="a tag"),
        pytest.param("@feature/x", 3, id="a branch with a slash"),
        pytest.param("@main~1", 1, id="a commit by its place"),
    ],
)
def test_fetch(ref: str, value: int, repository: Path, tmp_path: Path) -> None:
    """The files are those of the ref; the commit is its whole name."""
    found = fetch(f"file://{repository}{ref}", tmp_path / "out")
    assert (found.folder / "python/value.py").read_text() == f"VALUE = {value}\n"
    assert found.commit == git(tmp_path / "out", "rev-parse", "HEAD")


def test_fetch_a_commit(repository: Path, tmp_path: Path) -> None:
    """A commit is fetched by its whole name and by the beginning of it, and a folder of it is given."""
    commit = git(repository, "rev-parse", "v1")
    for number, name in enumerate((commit, commit[:9])):
        found = fetch(f"file://{repository}@{name}#subdirectory=python", tmp_path / str(number))
        assert found.commit == commit
        assert found.folder == tmp_path / str(number) / "python"


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        pytest.param("@nothing", "must have the branch, tag or commit", id="no such ref"),
        pytest.param("@--upload-pack=touch x", "must have the branch, tag or commit", id="an option as a ref"),
        pytest.param("#subdirectory=nothing", "must have the folder", id="no such folder"),
        pytest.param("#subdirectory=out", "must have the folder", id="a link that leads out of it"),
        pytest.param("/nothing", "cannot be read, and git says", id="no repository"),
    ],
)
def test_fetch_refuses(ref: str, words: str, repository: Path, tmp_path: Path) -> None:
    """What the repository does not have is an error that names the repository."""
    (repository / "out").symlink_to("/tmp")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "a link")
    with pytest.raises(ConfigError, match=words):
        fetch(f"file://{repository}{ref}", tmp_path / "out")


def test_no_command_in_a_submodule(repository: Path, tmp_path: Path) -> None:
    """A submodule whose address is a command is not fetched."""
    mark = tmp_path / "ran"
    (repository / ".gitmodules").write_text(f'[submodule "a"]\n\tpath = a\n\turl = "ext::sh -c touch% {mark}"\n')
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{commit},a")
    git(repository, "add", ".gitmodules")
    git(repository, "commit", "--quiet", "-m", "a submodule")
    with pytest.raises(ConfigError, match="cannot be read"):
        fetch(f"file://{repository}", tmp_path / "out")
    assert not mark.exists()


def test_password(tmp_path: Path) -> None:
    """A password in variables goes to git by its environment, beside what stands there already."""
    address = "https://${NAME}:${TOKEN}@example.org/lib.git"
    environ = {"NAME": "me", "TOKEN": "hunter2", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b"}
    assert plain(address) == "https://example.org/lib.git"
    found = settle_environment(address, environ)
    assert found["GIT_CONFIG_COUNT"] == "2"
    assert found["GIT_CONFIG_KEY_1"] == "url.https://me:hunter2@example.org/lib.git.insteadOf"
    assert found["GIT_CONFIG_VALUE_1"] == "https://example.org/lib.git"
    assert found["GIT_ALLOW_PROTOCOL"] == "https:ssh"


def test_password_is_not_shown(tmp_path: Path) -> None:
    """Where a private repository cannot be read, the error has no password, and nothing has it on disk."""
    environ = {**os.environ, "TOKEN": "hunter2@hush"}
    with pytest.raises(ConfigError, match=r"the repository http://\*\*\*\*@127\.0\.0\.1:9/lib\.git cannot") as caught:
        fetch("http://${TOKEN}@127.0.0.1:9/lib.git", tmp_path / "out", environ)
    assert "hunter2" not in str(caught.value)
    assert "hush" not in str(caught.value)
    assert not any("hunter2" in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.org/a.git", ("https://example.org/a.git", "")),
        ("https://example.org/a.git@v1", ("https://example.org/a.git", "v1")),
        ("ssh://git@example.org/a.git@feature/x", ("ssh://git@example.org/a.git", "feature/x")),
        ("https://${A}:${B}@example.org/a@v1", ("https://${A}:${B}@example.org/a", "v1")),
    ],
)
def test_split_ref(address: str, expected: tuple[str, str]) -> None:
    """The ref stands behind the last part of an address, not behind a name before the host."""
    assert split_ref(address) == expected


def test_without_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where git is not installed, the error says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingLibrary, match="needs the program `git`"):
        fetch("https://example.org/a.git", tmp_path / "out")
