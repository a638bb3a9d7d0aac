"""Registries have names, the names are in the home, and no secret is."""

from pathlib import Path

import pytest

from ekiben.core.errors import AlreadyExists, CorruptItem, InvalidInput, NotFound
from ekiben.store.remotes.named import (
    add_remote,
    default_remote,
    find_place,
    get_remote,
    list_remotes,
    remove_remote,
    set_default,
)


def test_a_registry_gets_a_name(home: Path) -> None:
    """A name stands for its registry, and for nothing that is secret."""
    remote = add_remote("team", "registry.example.com/ml")
    assert (remote.name, remote.registry, remote.is_default) == ("team", "registry.example.com/ml", True)
    assert str(find_place("team")) == "registry.example.com/ml"
    assert (home / "remotes/team.yaml").read_text() == "registry: registry.example.com/ml\n"


def test_the_first_is_the_default() -> None:
    """What is named first is meant where none is named, until another is made so."""
    add_remote("one", "one.example.com")
    add_remote("two", "two.example.com")
    assert find_place().host == "one.example.com"
    assert set_default("two").is_default
    assert find_place().host == "two.example.com"
    assert [(one.name, one.is_default) for one in list_remotes()] == [("one", False), ("two", True)]


def test_a_removed_default_is_none() -> None:
    """Where the default is forgotten, no other is taken silently."""
    add_remote("one", "one.example.com")
    add_remote("two", "two.example.com")
    remove_remote("one")
    with pytest.raises(NotFound, match="no remote is the default") as missing:
        default_remote()
    assert "there is two" in str(missing.value.hint)
    with pytest.raises(NotFound):
        get_remote("one")


def test_no_remote_at_all() -> None:
    """Without any the error says how to name one."""
    assert list_remotes() == []
    with pytest.raises(NotFound) as missing:
        find_place()
    assert missing.value.hint == "name one: `ekiben remote add NAME registry.example.com/team`"


def test_a_slip_of_the_pen() -> None:
    """A name that is nearly one is asked back."""
    add_remote("team", "registry.example.com")
    with pytest.raises(NotFound) as missing:
        find_place("taem")
    assert missing.value.hint == "did you mean team?"


def test_a_name_is_not_taken_twice() -> None:
    """A name is not silently given to another registry."""
    add_remote("team", "one.example.com")
    with pytest.raises(AlreadyExists, match="remote 'team'"):
        add_remote("team", "two.example.com")
    assert find_place("team").host == "one.example.com"


@pytest.mark.parametrize(
    "name", ["", "Team", "a.b", "a/b", "../x", "default", "localhost", "a" * 64, "-a", "a:1", "a\n"]
)
def test_what_is_no_name(home: Path, name: str) -> None:
    """A name cannot be a path, nor be taken for a registry."""
    with pytest.raises(InvalidInput, match="name"):
        add_remote(name, "registry.example.com")
    assert not (home / "remotes").exists()


@pytest.mark.parametrize("registry", ["", "https://me:pw@registry.example.com", "http://registry.example.com", "a b"])
def test_what_is_no_registry(home: Path, registry: str) -> None:
    """What is no registry, or holds a password, gets no name."""
    with pytest.raises(InvalidInput):
        add_remote("team", registry)
    assert not (home / "remotes").exists()


def test_how_it_is_reached_is_kept(home: Path, tmp_path: Path) -> None:
    """Plain HTTP and certificates are kept with the name."""
    (tmp_path / "ca.pem").write_text("x")
    add_remote("lab", "http://10.0.0.7:5000/ml", plain_http=True)
    add_remote("own", "10.0.0.8", ca_file=tmp_path / "ca.pem")
    assert find_place("lab").url == "http://10.0.0.7:5000"
    assert find_place("own").ca_file == str(tmp_path / "ca.pem")
    assert find_place("own", ca_file="/other.pem").ca_file == "/other.pem"
    with pytest.raises(InvalidInput, match="ca_file"):
        add_remote("none", "10.0.0.9", ca_file=tmp_path / "missing.pem")


def test_a_place_is_no_name() -> None:
    """What has a dot, a port or a folder is a place, whatever is named."""
    add_remote("team", "registry.example.com")
    assert find_place("localhost").host == "localhost"
    assert find_place("localhost:5000/team").prefix == "team"
    assert find_place("team.example.com").host == "team.example.com"


@pytest.mark.parametrize(
    "text", ["", "a: [", "registry: 7", "registry: x.io\nplain_http: maybe", "registry: x.io\nuser: me"]
)
def test_a_file_that_someone_changed(home: Path, text: str) -> None:
    """A file that is not ours any more is an error that names it."""
    add_remote("team", "registry.example.com")
    (home / "remotes/team.yaml").write_text(text)
    with pytest.raises(CorruptItem, match=r"team\.yaml"):
        find_place("team")
