"""A server of another program, for tests: it tells what reached it.

Run as a script with the port that it listens on; words after the port: `ignore` makes it deaf to SIGTERM, `children`
gives it a child that outlives it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Telling(BaseHTTPRequestHandler):
    """Tells method, target, headers and body of each request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Do what the path says, or tell the request."""
        what = getattr(self, "at_" + self.path.strip("/").partition("?")[0], None)
        if what is not None:
            what()
            return
        body = self.read()
        told = {
            "method": self.command,
            "target": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": body.decode("latin-1") if len(body) < 1000 else len(body),
            "pid": os.getpid(),
            "folder": os.getcwd(),
        }
        self.tell(json.dumps(told).encode())

    def tell(self, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def at_hops(self) -> None:
        """Answer with headers that are of one connection, and some that are not."""
        self.tell(
            b"{}", ("Connection", "X-Secret, keep-alive"), ("X-Secret", "1"), ("Keep-Alive", "timeout=5"),
            ("Upgrade", "h2c"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Kept", "2"), status=201,
        )  # fmt: skip

    def at_unchanged(self) -> None:
        """Say that nothing changed, with the length that the body would have."""
        self.send_response(304)
        self.send_header("Content-Length", "1234")
        self.end_headers()

    def at_moved(self) -> None:
        """Lead to another place, which nobody here must follow."""
        self.tell(b"", ("Location", "http://192.0.2.1/"), status=302)

    def at_slow(self) -> None:
        """Say nothing until the other side leaves; note that it did."""
        note = Path(self.headers["x-note"])
        note.with_suffix(".begun").touch()
        self.connection.settimeout(30)
        note.write_text("left" if self.connection.recv(1) == b"" else "something came")
        self.close_connection = True

    def at_events(self) -> None:
        """Send a piece, and the next when a file is there."""
        go = Path(self.headers["x-note"])
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\none\n\n\r\n")
        end = time.monotonic() + 30
        while not go.exists() and time.monotonic() < end:
            time.sleep(0.01)
        self.wfile.write(b"5\r\ntwo\n\n\r\n0\r\n\r\n")

    def at_garbage(self) -> None:
        """Answer with what is not HTTP."""
        self.wfile.write(b"what?\r\n\r\n")
        self.close_connection = True

    def at_broken(self) -> None:
        """Promise more than comes."""
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"less")
        self.close_connection = True

    def at_end(self) -> None:
        """End without an answer."""
        os._exit(3)

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


for _method in ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
    setattr(Telling, f"do_{_method}", Telling.do_GET)


def main(port: int, *words: str) -> None:
    if "ignore" in words:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "children" in words:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    ThreadingHTTPServer(("127.0.0.1", port), Telling).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
