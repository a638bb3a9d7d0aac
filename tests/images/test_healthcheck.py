"""The image's health check asks the port that is listened on, and says yes to a 200 alone."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from ekiben.images import healthcheck


@contextmanager
def answering(answer: bytes, authority: trustme.CA | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one connection; give the port, and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def answer_one() -> None:
            connection, _ = listener.accept()
            if authority is not None:
                connection = secure(authority, connection)
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(answer)

        thread = threading.Thread(target=answer_one, daemon=True)
        thread.start()
        yield listener.getsockname()[1], asked
        thread.join(20)


def secure(authority: trustme.CA, connection: socket.socket) -> socket.socket:
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("iris.example.com").configure_cert(context)
    return context.wrap_socket(connection, server_side=True)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", 0),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", 1),
        (b"HTTP/1.1 2000\r\n\r\n", 1),
        (b"", 1),
        (b"\xff\xff", 1),
    ],
)
def test_answers(answer: bytes, code: int) -> None:
    """Only a 200 is health."""
    with answering(answer) as (port, asked):
        assert healthcheck.main("http", str(port), "/readyz") == code
    assert asked[0].startswith(b"GET /readyz HTTP/1.0\r\n")


def test_tls() -> None:
    """A server with a certificate for another name is asked all the same."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", trustme.CA()) as (port, _):
        assert healthcheck.main("https", str(port), "/readyz") == 0


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first variable that is set says the port; one that is empty says nothing."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
        monkeypatch.setenv("EKIBEN_PORT", "")
        monkeypatch.setenv("PORT", str(port))
        assert healthcheck.main("http", "1", "/readyz", "EKIBEN_PORT", "PORT") == 0
    monkeypatch.setenv("PORT", "what")
    assert healthcheck.main("http", "1", "/readyz", "EKIBEN_PORT", "PORT") == 1


def test_it_runs_by_itself() -> None:
    """In the image it stands alone, started without the site's packages; nobody listens, so it says no."""
    command = [sys.executable, "-IS", str(Path(healthcheck.__file__)), "http", "9", "/readyz"]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 1
