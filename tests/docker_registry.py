"""The real registry, `docker-registry` of Debian, on this machine; and a line to it that is cut."""

import os
import selectors
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import trustme

from tests.servers import free_port

USER, PASSWORD = "me", "pass-phrase"
HASH = "$2b$05$abcdefghijklmnopqrstuuRiFYqTqAqZHUxG.316kD8lLp8Z1bnhO"  # bcrypt of it
READY_S = 60.0


def need(*programs: str) -> None:
    """Skip where a Debian package is missing; fail where everything must be there."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"not installed, and CI must have them: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: apt-get install {' '.join(missing)}")


@contextmanager
def docker_registry(folder: Path, *, login: bool = False, authority: trustme.CA | None = None) -> Iterator[str]:
    """Run the registry for the length of the block; give its host and port."""
    need("docker-registry", "skopeo")
    port = free_port()
    lines = [
        "version: 0.1",
        "log: {level: warn}",
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}",
        f"http: {{addr: '127.0.0.1:{port}', secret: x{tls(folder, authority)}}}",
    ]
    if login:
        (folder / "htpasswd").write_text(f"{USER}:{HASH}\n")
        lines.append(f"auth: {{htpasswd: {{realm: r, path: {folder}/htpasswd}}}}")
    (folder / "config.yml").write_text("\n".join(lines))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", folder / "config.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        wait_until_open(port, process)
        yield f"localhost:{port}"
    except BaseException:
        print((folder / "log").read_text())
        raise
    finally:
        process.terminate()
        process.wait(30)


def tls(folder: Path, authority: trustme.CA | None) -> str:
    """Write a certificate, and say where it is."""
    if authority is None:
        return ""
    leaf = authority.issue_cert("localhost", "127.0.0.1")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    return f", tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}"


def wait_until_open(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        assert process.poll() is None, "docker-registry ended"
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.05)
    raise AssertionError("docker-registry does not listen")


@contextmanager
def cut_line(host: str, after: int, times: int) -> Iterator[str]:
    """Forward to *host*, and cut the first *times* connections that bring more than *after* bytes."""
    target = ("127.0.0.1", int(host.rpartition(":")[2]))
    listener = socket.create_server(("127.0.0.1", 0))
    left = [times]
    threads: list[threading.Thread] = []

    def carry(near: socket.socket) -> None:
        """Carry one connection to its end, which its client notices at once."""
        count = 0
        with near, socket.create_connection(target) as far, selectors.DefaultSelector() as ready, suppress(OSError):
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in ready.select():
                    source: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = source.recv(65536)
                    count += len(data) if source is near else 0
                    if left[0] and count > after:
                        left[0] -= 1
                        return
                    if not data:
                        return
                    key.data.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threads.append(threading.Thread(target=carry, args=(listener.accept()[0],), daemon=True))
                threads[-1].start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join(10)
        assert left[0] == 0, "no connection brought so much"
