"""The files of a bento are chosen by the rules of gitignore, and none comes from outside of the project."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiben.bundle.files import choose_files, copy_files, restore_files
from ekiben.core.errors import ConfigError, StoreError


def project(folder: Path, *paths: str, **texts: str) -> Path:
    """Write empty files, and files with texts."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def chosen(folder: Path, **options: list[str]) -> list[str]:
    return list(choose_files(folder, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, ["a.py", "data/b.csv", "data/raw/c.csv", "src/d.py"], id="all by default"),
        pytest.param({"include": ["*.py"]}, ["a.py", "src/d.py"], id="a name matches in every folder"),
        pytest.param({"include": ["/*.py"]}, ["a.py"], id="a slash at the start means the project's own folder"),
        pytest.param({"include": ["data/"]}, ["data/b.csv", "data/raw/c.csv"], id="a folder brings what lies in it"),
        pytest.param({"include": ["data/*.csv"]}, ["data/b.csv"], id="a star does not cross folders"),
        pytest.param({"include": ["**/c.*"]}, ["data/raw/c.csv"], id="two stars do"),
        pytest.param({"include": ["*", "!*.csv"]}, ["a.py", "src/d.py"], id="a pattern can be taken back"),
        pytest.param({"exclude": ["data/raw"]}, ["a.py", "data/b.csv", "src/d.py"], id="excluded is out"),
        pytest.param({"include": ["*.csv"], "exclude": ["b.*"]}, ["data/raw/c.csv"], id="also where it is included"),
        pytest.param({"include": []}, [], id="nothing is nothing"),
    ],
)
def test_patterns(options: dict[str, list[str]], expected: list[str], tmp_path: Path) -> None:
    """`include` and `exclude` are patterns of gitignore."""
    project(tmp_path, "a.py", "src/d.py", "data/b.csv", "data/raw/c.csv", ".git/config", "__pycache__/a.pyc")
    assert chosen(tmp_path, **options) == expected


def test_what_never_goes_in(tmp_path: Path) -> None:
    """Environments, caches and what version control keeps stay out, whatever is included."""
    project(tmp_path, ".git/x", "a/.venv/x", "venv/x", "a/__pycache__/b.pyc", "c.pyc", ".DS_Store", "kept", "a/.git/y")
    (tmp_path / ".bentoignore").write_text("!.git\n!*.pyc\n")
    assert chosen(tmp_path, include=["*", ".git/", "!x"]) == [".bentoignore", "kept"]


def test_nested_ignores(tmp_path: Path) -> None:
    """The `.bentoignore` of a folder holds below it, and the nearest one has the last word."""
    project(
        tmp_path, "a.txt", "b.log", "sub/a.txt", "sub/b.log", "sub/deep/b.log", "sub/deep/c.txt", "other/deep/c.txt"
    )
    (tmp_path / ".bentoignore").write_text("*.log\n.bentoignore\n")
    (tmp_path / "sub/.bentoignore").write_text("# a comment\n!b.log\n/deep/c.txt\n")
    assert chosen(tmp_path) == ["a.txt", "other/deep/c.txt", "sub/a.txt", "sub/b.log", "sub/deep/b.log"]


def test_a_folder_that_is_out_is_not_looked_into(tmp_path: Path) -> None:
    """What lies in an ignored folder cannot be taken back, as in git; nothing in it is even read."""
    project(tmp_path, "data/x.csv", "kept")
    (tmp_path / "data/link").symlink_to("/etc")
    (tmp_path / ".bentoignore").write_text("data/\n!data/x.csv\n")
    assert chosen(tmp_path, exclude=[".bentoignore"]) == ["kept"]


def test_folders_that_are_no_part(tmp_path: Path) -> None:
    """The home of the stores may lie in the project, and does not go into its own bentos."""
    project(tmp_path, "a", ".ekiben/models/iris/v1/x")
    assert list(choose_files(tmp_path, without=[tmp_path / ".ekiben"])) == ["a"]


SEGMENTS = st.lists(st.sampled_from(["a", "b", "c", "*", "?", "[ab]", "a*", "*.d"]), min_size=1, max_size=3).map(
    "/".join
)
PATTERNS = st.builds("{}{}{}".format, *map(st.sampled_from, (["", "/", "**/"],)), SEGMENTS, st.sampled_from(["", "/"]))


@settings(max_examples=15)
@given(patterns=st.lists(PATTERNS, max_size=4))
def test_ignores_as_git_does(patterns: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever a `.bentoignore` leaves out, the files are those that git would take."""
    folder = project(tmp_path_factory.mktemp("git"), "a", "b", "ab", "c/a", "c/b", "a.d/b", "b.d/c/a")
    text = "\n".join(patterns) + "\n"
    (folder / ".bentoignore").write_text(text)
    (folder / ".gitignore").write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True, timeout=60)
    command = ["git", "-c", "core.excludesFile=", "ls-files", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout
    names = {".gitignore", ".bentoignore"}
    assert set(chosen(folder)) - names == set(listed.split()) - names


class TestLinks:
    """A link is the file that it points to, and never a way out."""

    def test_inside(self, tmp_path: Path) -> None:
        """A link within the project is a copy of its file; one to a folder brings its files."""
        project(tmp_path, "real/a.txt")
        (tmp_path / "link.txt").symlink_to("real/a.txt")
        (tmp_path / "again").symlink_to("real")
        files = choose_files(tmp_path)
        assert list(files) == ["again/a.txt", "link.txt", "real/a.txt"]
        assert set(files.values()) == {tmp_path / "real/a.txt"}
        copy_files(files, tmp_path / "copy")
        assert not (tmp_path / "copy/link.txt").is_symlink()

    @pytest.mark.parametrize(
        "target", ["../outside.txt", "/etc/passwd", "../outside", "..", "/", "real/../../outside.txt"]
    )
    def test_outside(self, target: str, tmp_path: Path) -> None:
        """A link that leads out is refused where it is chosen; CVE-2026-40610 was one that was followed."""
        folder = project(tmp_path / "project", "real/a.txt")
        project(tmp_path, "outside.txt", "outside/secret.txt")
        (folder / "link").symlink_to(target)
        with pytest.raises(ConfigError, match="link leads out of the project: 'link'"):
            choose_files(folder)
        assert chosen(folder, exclude=["link"]) == ["real/a.txt"]
        assert chosen(folder, include=["*.txt"]) == ["real/a.txt"]

    def test_through_a_link(self, tmp_path: Path) -> None:
        """A link to a folder whose links lead out is no way out either."""
        folder = project(tmp_path / "project", "real/a.txt")
        project(tmp_path, "outside/secret.txt")
        (folder / "real/deeper").symlink_to(tmp_path / "outside")
        (folder / "again").symlink_to("real")
        with pytest.raises(ConfigError, match="leads out of the project: 'again/deeper'"):
            choose_files(folder)

    def test_circles_end(self, tmp_path: Path) -> None:
        """Links in a circle are refused, not followed for ever."""
        project(tmp_path, "a/x.txt", "b/y.txt")
        (tmp_path / "a/self").symlink_to(tmp_path / "a")
        with pytest.raises(ConfigError, match="leads in a circle: 'a/self'"):
            choose_files(tmp_path)
        (tmp_path / "a/self").unlink()
        (tmp_path / "a/to-b").symlink_to(tmp_path / "b")
        (tmp_path / "b/to-a").symlink_to(tmp_path / "a")
        with pytest.raises(ConfigError, match="leads in a circle"):
            choose_files(tmp_path)

    def test_to_nothing(self, tmp_path: Path) -> None:
        """A link that points to nothing is said, with what to do."""
        (tmp_path / "gone").symlink_to("nowhere")
        (tmp_path / "itself").symlink_to("itself")
        with pytest.raises(ConfigError, match="points to nothing: 'gone'") as caught:
            choose_files(tmp_path)
        assert ".bentoignore" in (caught.value.hint or "")

    def test_a_link_as_ignore(self, tmp_path: Path) -> None:
        """A `.bentoignore` that is a link is not read: nothing of another file shows in an error."""
        folder = project(tmp_path / "project", "a")
        (tmp_path / "secret").write_bytes(b"\xff\xfe")
        (folder / ".bentoignore").symlink_to(tmp_path / "secret")
        assert chosen(folder, exclude=[".bentoignore"]) == ["a"]


@pytest.mark.parametrize("pattern", ["../*", "a/../../b", "..", "!../x", "..\\x"])
@pytest.mark.parametrize("key", ["include", "exclude"])
def test_patterns_stay_inside(key: str, pattern: str, tmp_path: Path) -> None:
    """A pattern that climbs out of the project is refused by its place."""
    with pytest.raises(ConfigError, match=rf"`{key}\[1\]` must stay inside"):
        chosen(tmp_path, **{key: ["*", pattern]})


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "x" * 250 + "\x7f", "\x1b[2J"])
def test_names_that_cannot_travel(name: str, tmp_path: Path) -> None:
    """A name that not every system can write is refused at the build, not at an import elsewhere."""
    (tmp_path / name).write_text("")
    with pytest.raises(ConfigError, match="not every system"):
        choose_files(tmp_path)


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """So is a name whose bytes are no text."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff")).write_text("")
    with pytest.raises(ConfigError, match="not every system"):
        choose_files(tmp_path)


def test_names_that_are_alike(tmp_path: Path) -> None:
    """Two names that some systems take for one are refused."""
    project(tmp_path, "readme.md", "README.md")
    with pytest.raises(ConfigError, match="differ in capitals"):
        choose_files(tmp_path)


def test_pipes_are_not_opened(tmp_path: Path) -> None:
    """A named pipe in the project is an error at once, and nobody waits for it."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="neither a file nor a folder: 'pipe'"):
        choose_files(tmp_path)
    with pytest.raises(StoreError):
        copy_files({"a": tmp_path / "nothing"}, tmp_path / "copy")


def test_an_ignore_that_is_no_text(tmp_path: Path) -> None:
    """A `.bentoignore` that is no text is said by its path."""
    project(tmp_path, "sub/a")
    (tmp_path / "sub/.bentoignore").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"sub/\.bentoignore must be a text"):
        choose_files(tmp_path)


def test_scripts_stay_scripts(tmp_path: Path) -> None:
    """The right to run a file is kept; the size that is told is what was copied."""
    project(tmp_path / "p", "run.sh", "data")
    (tmp_path / "p/run.sh").chmod(0o755)
    assert copy_files(choose_files(tmp_path / "p"), tmp_path / "copy") == len("run.sh") + len("data")
    assert os.access(tmp_path / "copy/run.sh", os.X_OK)
    assert not (tmp_path / "copy/data").stat().st_mode & 0o111


def test_restore(tmp_path: Path) -> None:
    """What code did to its copy is undone: new files, changed files, files that are gone, links."""
    files = choose_files(project(tmp_path / "p", "a", "b", "sub/c", "same"))
    copy, moment = tmp_path / "copy", 1_700_000_000_000_000_000
    copy_files(files, copy, moment)
    kept = (copy / "same").stat().st_ino
    (copy / "new/deep").mkdir(parents=True)
    (copy / "new/deep/x").write_text("")
    (copy / "a").write_text("c")
    (copy / "b").unlink()
    (copy / "sub/c").unlink()
    (copy / "sub/c").symlink_to("/etc/passwd")
    restore_files(files, copy, moment)
    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*")}
    assert found == {"a", "b", "same", "sub", "sub/c"}
    assert [(copy / path).read_text() for path in files] == list(files)
    assert not (copy / "sub/c").is_symlink()
    assert (copy / "same").stat().st_ino == kept, "what was left alone is not copied again"


SECRET = (".env", "conf/.env.local", ".netrc", ".pypirc", ".ssh/key", "deep/.aws/credentials", "x/.docker/config.json")


def test_passwords_stay_out(tmp_path: Path) -> None:
    """What programs keep passwords in is left out, and named; what only looks like it is not."""
    folder = project(tmp_path, "a.py", ".env.example", "aws/key.py", ".docker/Dockerfile", *SECRET)
    told: list[str] = []
    files = choose_files(folder, on_secret=told.append)
    assert list(files) == [".docker/Dockerfile", ".env.example", "a.py", "aws/key.py"]
    assert told == [
        ".env",
        ".netrc",
        ".pypirc",
        ".ssh/",
        "conf/.env.local",
        "deep/.aws/",
        "x/.docker/config.json",
    ]


@pytest.mark.parametrize("how", ["include", "exclude", "ignore"])
def test_passwords_that_are_asked_for(how: str, tmp_path: Path) -> None:
    """A file that the project names itself goes in, and no other of its kind."""
    folder = project(tmp_path, "a.py", ".env", "src/.netrc")
    told: list[str] = []
    if how == "ignore":
        (folder / ".bentoignore").write_text("!.env\n.bentoignore\n")
    options = {"include": {"include": ["*.py", ".env", "src/"]}, "exclude": {"exclude": ["!.env"]}}.get(how, {})
    assert list(choose_files(folder, **options, on_secret=told.append)) == [".env", "a.py"]  # type: ignore[arg-type]
    assert told == ["src/.netrc"]


def test_passwords_that_nobody_includes(tmp_path: Path) -> None:
    """Nothing is said of what would not go in anyway."""
    told: list[str] = []
    assert list(choose_files(project(tmp_path, "a.py", ".env"), ["*.py"], on_secret=told.append)) == ["a.py"]
    assert told == []


def test_caches_stay_out(tmp_path: Path) -> None:
    """What tools leave behind does not change a bento from one build to the next."""
    folder = project(tmp_path, "a.py", ".pytest_cache/x", ".mypy_cache/y", "sub/.ruff_cache/z", ".tox/w")
    assert list(choose_files(folder)) == ["a.py"]
