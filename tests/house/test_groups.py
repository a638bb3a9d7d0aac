"""The groups of big libraries are the same in the Makefile, among the marks, and in the tests."""

import re
import tomllib

from tests.house.tree import ROOT, TESTS, python_files

MAKEFILE = (ROOT / "Makefile").read_text()
MARKS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]


def heavy_groups() -> list[str]:
    """Give the groups that `make test-heavy` runs."""
    found = re.search(r"^HEAVY := (.+)$", MAKEFILE, re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_each_group_has_its_mark_and_its_packages() -> None:
    """A group of the Makefile is a mark of pytest's, and the other way round; it says what it installs."""
    marked = [line.partition(":")[0] for line in MARKS if "of the heavy group" in line]
    assert sorted(heavy_groups()) == sorted(marked)
    for group in heavy_groups():
        assert re.search(rf"^HEAVY_{group} := \S", MAKEFILE, re.MULTILINE), group


def test_each_group_has_tests() -> None:
    """No group runs nothing, and a test with the mark of a group is heavy."""
    for group in heavy_groups():
        files = [file for file in python_files(*TESTS) if f"mark.{group}" in file.text]
        assert files, group
        assert [str(file) for file in files if "mark.heavy" not in file.text] == []


def test_each_group_runs_all_that_bears_its_mark() -> None:
    """The folders that the Makefile looks through are those of all tests."""
    found = re.search(r"grep -rlE 'mark\\\.\$\*\\b' (.+) --include", MAKEFILE)
    assert found is not None
    for group in heavy_groups():
        marked = {str(file).partition("/")[0] for file in python_files(*TESTS) if f"mark.{group}" in file.text}
        assert marked <= set(found[1].split()), group
