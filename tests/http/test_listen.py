"""Sockets open where they should, and say in words why they cannot."""

import errno
import os
import socket
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError
from ekiben.http.listen import Listen, bind
from tests.servers import free_port


def reach(family: int, address: object) -> bool:
    """Say whether somebody listens there."""
    with socket.socket(family) as client:
        client.settimeout(5)
        return client.connect_ex(address) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_both_loopbacks(host: str) -> None:
    """A local server is found at 127.0.0.1 and at ::1, at one port."""
    with bind(Listen(host, 0)) as listening:
        port = listening.port
        assert listening.url() == f"http://localhost:{port}"
        assert reach(socket.AF_INET, ("127.0.0.1", port))
        assert reach(socket.AF_INET6, ("::1", port))
    assert not reach(socket.AF_INET, ("127.0.0.1", port))


def test_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no ::1, a local server listens on 127.0.0.1 alone."""

    class OnlyFour(socket.socket):
        """A socket of a machine that knows no IPv6."""

        def bind(self, address: object) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
            super().bind(address)  # type: ignore[arg-type]

    monkeypatch.setattr("socket.socket", OnlyFour)
    with bind(Listen(port=0)) as listening:
        assert len(listening.sockets) == 1


@pytest.mark.parametrize(
    ("host", "family", "url"),
    [("::1", socket.AF_INET6, "http://localhost:"), ("127.0.0.2", socket.AF_INET, "http://127.0.0.2:")],
)
def test_other_hosts(host: str, family: int, url: str) -> None:
    """Another address is listened on alone, and shown as it is to be typed."""
    with bind(Listen(host, 0)) as listening:
        assert len(listening.sockets) == 1
        assert listening.url() == f"{url}{listening.port}"
        assert reach(family, (host, listening.port))


@pytest.mark.parametrize("taken", [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)])
def test_port_in_use(taken: tuple[str, int]) -> None:
    """A port that is taken on either loopback address is refused, and nothing stays open."""
    address, family = taken
    with socket.socket(family) as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError, match="the port is in use") as refused:
            bind(Listen(port=port))
        assert refused.value.hint is not None
        assert "--port" in refused.value.hint
    with bind(Listen(port=port)) as listening:
        assert listening.port == port


@pytest.mark.parametrize(
    ("host", "words"),
    [
        pytest.param("192.0.2.1", "not of this machine", id="an address of nobody's"),
        pytest.param("no.such.host.invalid", "cannot listen on", id="a name that leads nowhere"),
    ],
)
def test_wrong_host(host: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        bind(Listen(host, free_port()))


def test_unix_socket(tmp_path: Path) -> None:
    """A path is listened on, replaced when it was left behind, and removed at the end."""
    path = tmp_path / "s"
    for _ in range(2):
        with bind(Listen(uds=str(path))) as listening:
            assert reach(socket.AF_UNIX, str(path))
            assert listening.url() == f"unix:{path}"
            with pytest.raises(ConfigError, match="in use"):
                bind(Listen(uds=str(path)))
            for each in listening.sockets:
                left = each.dup()
        left.close()
        assert not path.exists()
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))  # what a killed server leaves


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    """A path where something else lies is refused, and what lies there is kept; so is a path that cannot be made."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("file", "link"):
        with pytest.raises(ConfigError, match="free path"):
            bind(Listen(uds=str(tmp_path / name)))
    assert (tmp_path / "file").read_text() == "mine"
    for path in (tmp_path / "no" / "folder", tmp_path / ("x" * 200)):
        with pytest.raises(ConfigError, match="cannot listen on"):
            bind(Listen(uds=str(path)))


def test_descriptor() -> None:
    """An inherited socket is listened on; a number that is none, or a socket of another kind, is refused."""
    with socket.socket() as given:
        given.bind(("127.0.0.1", 0))
        with bind(Listen(fd=os.dup(given.fileno()))) as listening:
            assert listening.port == given.getsockname()[1]
            assert reach(socket.AF_INET, ("127.0.0.1", listening.port))
    with pytest.raises(ConfigError, match="open socket: 999"):
        bind(Listen(fd=999))
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(ConfigError, match="stream"):
            bind(Listen(fd=datagrams.fileno()))
