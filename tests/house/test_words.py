"""What must not stand in a tracked file: unfinished work, places of one machine, hosts of one network."""

import re
import tempfile
from pathlib import Path

import pytest

from tests.house.tree import ROOT, SOURCES, TESTS, Source, python_files, tracked

# In two halves each, so that this file does not match itself.
UNFINISHED = {
    "an unfinished function": r"raise NotImplemented" "Error",
    "a note to finish later": r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b",
    "a swallowed error": r"except( Exception| BaseException)?:\s*pass\b",
    "an assertion that cannot fail": r"\bassert " r"(True|1)\b",
    "a skip without a reason": r"pytest\.(skip|xfail)" r"\(\)|mark\.(skip|xfail)(\(\))?\s*$",
    "a shell": r"shell\s*=\s*" r"True",
}
LOCKS = re.compile(r"^(requirements.*\.txt|.*\.lock|.*lock\.(json|yaml|toml)|pyproject\.toml|.*\.cfg|\.npmrc)$")
REGISTRY = re.compile(r"(https?|file)://[^\s\"']*(pypi|pythonhosted|npm|registry|simple)", re.IGNORECASE)


@pytest.mark.parametrize("file", python_files(*SOURCES, *TESTS, "examples", "bench"), ids=str)
def test_nothing_is_unfinished(file: Source) -> None:
    """A file holds finished work, and no error vanishes in it."""
    assert [what for what, words in UNFINISHED.items() if re.search(words, file.text, re.MULTILINE)] == []


def test_no_place_of_this_machine() -> None:
    """No tracked file names the folder of this checkout or the home of whoever works in it."""
    places = {ROOT, ROOT.parent, Path.home()} - {Path("/"), Path(tempfile.gettempdir())}
    words = [f"{place}/".encode() for place in places]
    assert [str(path) for path in tracked() if any(word in (ROOT / path).read_bytes() for word in words)] == []


def test_locks_name_no_host() -> None:
    """What is pinned is pinned by hash, so that any mirror of the registry serves it."""
    locks = [path for path in tracked() if LOCKS.match(path.name)]
    assert Path("requirements-dev.txt") in locks
    assert [str(path) for path in locks if REGISTRY.search((ROOT / path).read_text())] == []


def test_files_for_whoever_comes() -> None:
    """The repository has what a stranger looks for first, and no lock file that names hosts."""
    names = {str(path) for path in tracked()}
    wanted = {"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", ".ci/run"}
    assert wanted - names == set()
    assert names & {"uv.lock", "pylock.toml"} == set()
