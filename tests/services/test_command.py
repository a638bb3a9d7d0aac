"""What a service may say of a command, and what is refused with the reason."""

from typing import Any

import pytest

import ekiben
from ekiben.core.command import read_words
from ekiben.core.errors import ConfigError
from ekiben.core.spec import CommandSpec
from ekiben.services.command import check_place, read_port, settle
from ekiben.services.configure import configured, shape
from ekiben.services.load import load


@pytest.mark.parametrize(
    ("cmd", "words"),
    [
        ("python server.py", "`cmd` must be a list of words, as no shell reads it: 'python server.py'"),
        (["python", 8000], "`cmd` must be a list of words: 8000 in it"),
        (["python", "a\0b"], "`cmd` must be a list of words: 'a\\x00b' in it"),
        ([], "`cmd` must name a program: []"),
        ([" "], "`cmd` must name a program: [' ']"),
        (3, "`cmd` must be a list of words, as no shell reads it: 3"),
    ],
    ids=str,
)
def test_words_that_are_none(cmd: Any, words: str) -> None:
    """What is not a list of words, the first a program, is refused, with an example."""
    with pytest.raises(ConfigError) as caught:
        read_words(cmd)
    assert str(caught.value) == words
    assert caught.value.hint == 'write `cmd=["python", "server.py", "--port", "8000"]`'


def test_words() -> None:
    """Words are kept as they are: nothing in them is expanded."""
    assert read_words(["sh", "-c", "$HOME; *"]) == ("sh", "-c", "$HOME; *")
    assert read_words(None) == ()


@pytest.mark.parametrize("port", [0, 65536, "8000", True, 1.5])
def test_ports_that_are_none(port: Any) -> None:
    """A port is a whole number from 1 to 65535."""
    with pytest.raises(ConfigError, match=r"`http.proxy_port` must be a whole number from 1 to 65535"):
        read_port({"proxy_port": port})


def test_settle() -> None:
    """The method goes before `cmd`; the port is 8000 where nobody says it; a port alone means nothing."""
    assert settle(None, (), None) is None
    assert settle(None, ("serve",), None) == CommandSpec(("serve",), 8000)
    assert settle(CommandSpec(), ("serve",), 9000) == CommandSpec((), 9000)
    assert settle(CommandSpec(("old",), 1), ("serve",), 9000) == CommandSpec(("serve",), 9000)
    with pytest.raises(ConfigError, match=r"`http.proxy_port` is where a command listens, and there is none: 8000"):
        settle(None, (), 8000)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 2}, "`workers` must be 1 with `cmd`, whose port only one process can have: 2"),
        ({"workers": "cpu_count"}, "`workers` must be 1 with `cmd`"),
        ({"layout": "apart"}, "`layout` must be inline with `cmd`, which runs once: 'apart'"),
        ({"layout": "replicas"}, "`layout` must be inline with `cmd`, which runs once: 'replicas'"),
    ],
    ids=str,
)
def test_one_process(options: Any, words: str) -> None:
    """A service with a command is one process: anything else is refused where it stands."""
    with pytest.raises(ConfigError) as caught:
        ekiben.service(cmd=["serve"], **options)(type("Many", (), {}))
    assert words in str(caught.value)
    check_place(1, None)


def test_the_spec_says_it() -> None:
    """The words and the port are data of the spec; those of a method are not known before there is an instance."""
    known = load(ekiben.service(cmd=["serve", "-p", "9"], http={"proxy_port": 9})(type("Known", (), {}))).spec
    assert known.command == CommandSpec(("serve", "-p", "9"), 9)
    assert known.to_json()["command"] == {"words": ["serve", "-p", "9"], "port": 9}
    method = {"__command__": lambda self: ["serve"]}
    assert load(ekiben.service(cmd=["other"])(type("Asked", (), method))).spec.command == CommandSpec()
    assert load(ekiben.service(type("None_", (), {}))).spec.command is None


def test_no_file_and_no_variable_names_a_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """`cmd` is code: whoever can write a file or set a variable cannot have a program run."""
    assert "cmd" not in shape()
    (tmp_path / "ekiben.yaml").write_text("cmd: [evil]\n")
    made = load(ekiben.service(cmd=["serve"])(type("Kept", (), {})))
    with pytest.raises(ConfigError, match="`cmd` names a program to run, which code alone may do"):
        configured(made, tmp_path)
    (tmp_path / "ekiben.yaml").unlink()
    monkeypatch.setenv("EKIBEN_CMD", "evil")
    assert configured(made, tmp_path).spec.command == CommandSpec(("serve",), 8000)
    monkeypatch.setenv("EKIBEN_WORKERS", "2")
    with pytest.raises(ConfigError, match="`workers` must be 1 with `cmd`"):
        configured(made, tmp_path)


def test_nothing_else_is_mounted_at_its_place() -> None:
    """An app at `/` and a command cannot both answer there."""
    made = ekiben.asgi_app(lambda *_: None, path="/")(type("Both", (), {}))
    with pytest.raises(ConfigError, match="mounted at the place of the command behind the service: /"):
        load(ekiben.service(cmd=["serve"])(made))


def test_no_place_beside_others() -> None:
    """A command answers every path of a server, so its service stands alone there."""
    one, other = ekiben.service(cmd=["serve"])(type("One", (), {})), ekiben.service(type("Other", (), {}))
    with pytest.raises(ConfigError, match="`One` has a command, which answers every path"):
        load({"a": one, "b": other})
