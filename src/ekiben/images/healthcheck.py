"""Ask the server in this container whether it takes calls.

In: a scheme, a port, a path, and names of variables that may hold another port. Out: exit code 0 for yes, 1 for no.
This file runs by itself, in the image.
"""

import os
import socket
import ssl
import sys

TIMEOUT = 4.0  # seconds


def ask(scheme: str, port: int, path: str) -> bool:
    """Say whether the path answers 200 here; its certificate may bear any name."""
    request = f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as plain:
            if scheme == "http":
                plain.sendall(request)
                return is_ok(plain)
            with unverified().wrap_socket(plain) as secure:
                secure.sendall(request)
                return is_ok(secure)
    except OSError:
        return False


def unverified() -> ssl.SSLContext:
    """Give the terms for asking oneself, by an address that no certificate names."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def is_ok(connection: socket.socket) -> bool:
    """Read the status line."""
    with connection.makefile("rb") as answer:
        return answer.readline(100).split(b" ")[1:2] == [b"200"]


def main(scheme: str, port: str, path: str, *variables: str) -> int:
    """Give the exit code."""
    told = next((os.environ[name] for name in variables if os.environ.get(name)), port)
    return 0 if told.isdecimal() and ask(scheme, int(told), path) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
