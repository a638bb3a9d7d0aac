"""What a project asks for is read line by line, and nothing else passes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.bundle.requirements import Asked, read_file, read_line, read_words
from ekiben.core.errors import ConfigError

PLACE = "`python.packages[0]`"
HASH = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("numpy", "numpy", id="a name"),
        pytest.param("scikit-learn >=1.4, <2", "scikit-learn<2,>=1.4", id="versions, written our way"),
        pytest.param(
            "Plate[Blue] ; python_version>'3.8'", 'Plate[Blue]; python_version > "3.8"', id="extra and marker"
        ),
        pytest.param("numpy  # the array library", "numpy", id="a comment is dropped"),
        pytest.param(f"tiny==1.0 --hash={HASH}", f"tiny==1.0 --hash={HASH}", id="a hash is kept"),
        pytest.param(
            "tiny @ https://files.example.org/tiny-1.0-py3-none-any.whl",
            "tiny @ https://files.example.org/tiny-1.0-py3-none-any.whl",
            id="an archive of a web server",
        ),
        pytest.param("git+https://example.org/a.git@v1", "git+https://example.org/a.git@v1", id="git"),
        pytest.param("a @ git+ssh://git@example.org/a.git", "git+ssh://git@example.org/a.git", id="git by ssh"),
        pytest.param(
            "git+https://${USER}:${TOKEN}@example.org/a.git#subdirectory=py",
            "git+https://${USER}:${TOKEN}@example.org/a.git#subdirectory=py",
            id="git with a password in a variable",
        ),
    ],
)
def test_read_line(line: str, expected: str, project: Path) -> None:
    """A requirement is parsed and written again."""
    assert str(read_line(line, PLACE, project)) == expected


def test_read_path(project: Path) -> None:
    """A folder or an archive of the project is a path, with extras perhaps."""
    (project / "lib").mkdir()
    (project / "dist").mkdir()
    (project / "dist/tiny-1.0-py3-none-any.whl").touch()
    found = read_line("./lib[plot, fast]", PLACE, project)
    assert (found.path, found.extras) == (project / "lib", frozenset({"plot", "fast"}))
    for line in ("dist/tiny-1.0-py3-none-any.whl", "tiny @ ./dist/tiny-1.0-py3-none-any.whl"):
        assert read_line(line, PLACE, project).path == project / "dist/tiny-1.0-py3-none-any.whl"
    assert read_line(f"file://{project}/lib", PLACE, project).path == project / "lib"


ATTACKS = [
    pytest.param("numpy\n--index-url https://evil.example", id="a second line"),
    pytest.param("numpy\r--index-url https://evil.example", id="a carriage return"),
    pytest.param("numpy\x0b--index-url=x", id="a vertical tab, where pip ends a line"),
    pytest.param("numpy\u2028--index-url=x", id="a line separator, where pip ends a line"),
    pytest.param("numpy\x85-r /etc/passwd", id="a next-line character"),
    pytest.param("numpy\x00", id="a null"),
    pytest.param("--index-url=https://evil.example", id="an option"),
    pytest.param("-r /etc/passwd", id="another file"),
    pytest.param("-e .", id="an editable in a list of packages"),
    pytest.param("numpy --index-url https://evil.example", id="an option behind a requirement"),
    pytest.param("numpy --hash=sha256:00 --index-url=x", id="an option behind a hash"),
    pytest.param(f"numpy --hash={HASH} --trusted-host x", id="an option behind a good hash"),
    pytest.param("numpy; os_name == 'posix' --pre", id="an option behind a marker"),
    pytest.param("a @ https://x.example/a.whl --pre", id="an option behind an address"),
    pytest.param("a @ ext::sh -c whoami", id="a transport of git that runs a command"),
    pytest.param("git+ext://sh%20-c%20whoami", id="the same as an address"),
    pytest.param("a @ git+file:///etc", id="a repository outside of the project"),
    pytest.param("a @ file:///etc/passwd", id="a file outside of the project"),
    pytest.param("file:///etc", id="a folder outside of the project"),
    pytest.param("../neighbour", id="a neighbour of the project"),
    pytest.param("./lib/../../neighbour", id="a neighbour, by a detour"),
    pytest.param("/etc", id="an absolute path"),
    pytest.param("~/secrets", id="the home folder"),
    pytest.param("out/lib", id="a link that leads out"),
    pytest.param("git+https://example.org/a.git#subdirectory=../..", id="a folder outside of the repository"),
    pytest.param("git+https://example.org/a.git#subdirectory=/etc", id="an absolute folder of the repository"),
    pytest.param("git+https://example.org/a.git#egg=a&x=--pre", id="an unknown word behind the address"),
    pytest.param("https://${A}:${B}@x.example/$(id)/a.whl", id="a nameless address"),
    pytest.param("numpy; __import__('os')", id="code as a marker"),
    pytest.param("", id="nothing"),
    pytest.param("num py", id="two names"),
]


@pytest.mark.parametrize("line", ATTACKS)
def test_read_line_refuses(line: str, project: Path) -> None:
    """What is no requirement of the project is refused by the place where it stands."""
    (project / "lib").mkdir()
    (project.parent / "neighbour").mkdir()
    (project / "out").symlink_to(project.parent)
    with pytest.raises(ConfigError, match=r"`python\.packages\[0\]` "):
        read_line(line, PLACE, project)


@pytest.mark.parametrize(
    "line",
    [
        "a @ https://me:hunter2@x.example/a-1.0-py3-none-any.whl",
        "a @ https://hunter2@x.example/a-1.0-py3-none-any.whl",
        "git+https://hunter2@x.example/a.git",
        "git+ssh://git:hunter2@x.example/a.git",
        "git+https://${A}@hunter2@x.example/a.git",
        "git+https://${A}:hunter2@x.example/a.git",
    ],
)
def test_read_line_refuses_passwords(line: str, project: Path) -> None:
    """A password in an address is refused, and not repeated."""
    with pytest.raises(ConfigError, match="must hold no password") as caught:
        read_line(line, PLACE, project)
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60))
def test_read_line_is_one_line(text: str) -> None:
    """Whatever is let pass is written as one line that is no option."""
    try:
        written = str(read_line(text, PLACE, Path("/nowhere")))
    except ConfigError:
        return
    assert len(written.splitlines()) == 1
    assert not written.startswith("-")
    assert " --" not in written


def write(project: Path, text: str, name: str = "requirements.txt") -> Path:
    """Write a requirements file."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def test_read_file(project: Path) -> None:
    """A requirements file is read as pip reads it: comments, long lines, other files, options."""
    (project / "lib").mkdir()
    write(project, "scipy\n-c ../narrow.txt\n", "more/science.txt")
    write(project, "numpy<3\n", "narrow.txt")
    text = (
        "\ufeff# what the service needs\r\ntiny >= 1 \\\r\n  , < 2  # small\n\n-r more/science.txt\n-e ./lib\n"
        "--extra-index-url https://${TOKEN}@packages.example.org/simple\n--no-binary=tiny\n--pre\n"
    )
    asked = read_file(write(project, text), project)
    assert [str(each) for each in asked.wanted] == ["tiny<2,>=1", "scipy", str(project / "lib")]
    assert [str(each) for each in asked.constraints] == ["numpy<3"]
    assert asked.indexes.extra == ("https://${TOKEN}@packages.example.org/simple",)
    assert asked.choices == ("--no-binary tiny", "--pre")


def test_read_file_of_powershell(project: Path) -> None:
    """`pip freeze > requirements.txt` in PowerShell writes UTF-16, which is read."""
    path = project / "requirements.txt"
    path.write_text("numpy==2.0\n", "utf-16")
    assert [str(each) for each in read_file(path, project).wanted] == ["numpy==2.0"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("numpy\n\n--frobnicate\n", r"requirements\.txt:3 must be a requirement or one of", id="an option"),
        pytest.param(
            "-r ../secret.txt\n", r"requirements\.txt:1 must be a path inside the project", id="a file outside"
        ),
        pytest.param("-r .\n", "must be a file", id="a folder"),
        pytest.param("-r requirements.txt\n", "must not name each other", id="a file that names itself"),
        pytest.param("-c git+https://example.org/a\n", "must be a path of the project", id="a constraint from git"),
        pytest.param("--index-url https://a:hunter2@x.example/simple\n", "must hold no password", id="a password"),
        pytest.param("--find-links /etc\n", "must be an address or a folder inside", id="links outside of the project"),
        pytest.param("--no-binary ../x\n", "must name packages", id="no name of a package"),
        pytest.param("--trusted-host 'a b'\n", "must be a host", id="no host"),
        pytest.param("--config-settings=x\n", "must be a requirement or one of", id="an option for a backend"),
        pytest.param("numpy\x0c--pre\n", "control characters", id="a form feed"),
        pytest.param("--index-url https://x.example/\x01\n", "control characters", id="a control in an address"),
        pytest.param("numpy >\\", "must be a requirement", id="half a line at the end"),
    ],
)
def test_read_file_refuses(text: str, words: str, project: Path) -> None:
    """A line that cannot be used is named by file and number."""
    with pytest.raises(ConfigError, match=words):
        read_file(write(project, text), project)


def test_read_file_refuses_bytes(project: Path) -> None:
    """A file that is no text, or endless, is refused."""
    path = project / "requirements.txt"
    path.write_bytes(b"\x80\x81\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_file(path, project)
    path.write_bytes(b"# " + b"x" * 1024 * 1024)
    with pytest.raises(ConfigError, match="at most 1048576 bytes"):
        read_file(path, project)


def test_read_words(project: Path) -> None:
    """The words of `pip_args` are options with or without a value."""
    words = ("--pre", "--no-binary", "tiny,plate", "--only-binary=:all:", "--prefer-binary")
    expected = ("--pre", "--no-binary tiny,plate", "--only-binary :all:", "--prefer-binary")
    assert read_words(words, "`python.pip_args`", project) == Asked(choices=expected)


@pytest.mark.parametrize(
    "words",
    [
        ("--target", "/"),
        ("--no-binary",),
        ("--no-binary", "--pre"),
        ("--config-settings=--global-option=x",),
        ("numpy",),
        ("--python", "/bin/sh"),
        ("--pre=yes",),
    ],
)
def test_read_words_refuses(words: tuple[str, ...], project: Path) -> None:
    """An option that is not known to be harmless is refused."""
    with pytest.raises(ConfigError, match=r"`python\.pip_args` must"):
        read_words(words, "`python.pip_args`", project)
