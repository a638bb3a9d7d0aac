"""`ekiben remote`: names for registries."""

import json
from pathlib import Path

from tests.cli.conftest import Command


def test_add_list_default_remove(ekiben: Command, home: Path) -> None:
    """A registry gets a name, is listed, made the default, and forgotten."""
    assert ekiben("remote", "add", "one", "one.example.com").out == "added one: one.example.com (default)\n"
    assert ekiben("remote", "add", "two", "two.example.com/ml").out == "added two: two.example.com/ml\n"
    assert ekiben("remote", "default").out == "one: one.example.com\n"
    assert ekiben("remote", "default", "two").out == "two: two.example.com/ml\n"
    listed = json.loads(ekiben("remote", "list", "-o", "json").out)
    assert [(one["name"], one["default"]) for one in listed] == [("one", False), ("two", True)]
    assert ekiben("remote", "list").out.splitlines()[2].split() == ["two", "two.example.com/ml", "yes"]
    assert ekiben("remote", "remove", "one").out == "removed one: one.example.com\n"
    assert [path.name for path in (home / "remotes").glob("*.yaml")] == ["two.yaml"]


def test_add_as_default(ekiben: Command) -> None:
    """A later one may be the default from the beginning."""
    ekiben("remote", "add", "one", "one.example.com")
    assert ekiben("remote", "add", "two", "two.example.com", "--default").out.endswith("(default)\n")


def test_mistakes(ekiben: Command, home: Path) -> None:
    """What is no registry is refused, and a password is not kept."""
    ran = ekiben("remote", "add", "team", "https://me:hunter2@registry.example.com")
    assert ran.code == 1
    assert "hunter2" not in ran.err
    assert "docker login registry.example.com" in ran.err
    assert not (home / "remotes").exists()
    assert ekiben("remote", "remove", "team").code == 1
    assert ekiben("remote", "default").code == 1
    assert ekiben("remote", "nonsense").code == 2


def test_nothing_to_list(ekiben: Command) -> None:
    """An empty list is a list."""
    assert ekiben("remote", "list").code == 0
    assert json.loads(ekiben("remote", "list", "-o", "json").out) == []
