"""Packages for tests: tiny wheels, and an index of them on loopback that can ask for a password.

In: names, versions, requirements. Out: wheels in a folder; a server that speaks the simple repository API (PEP 503).
"""

import base64
import hashlib
import os
import threading
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.house.tree import ROOT

USER, PASSWORD = "somebody-7", "s3cret-pa55"
NOWHERE = "http://127.0.0.1:9/simple"  # the discard port: nobody listens


def make_wheel(
    folder: Path,
    name: str,
    release: str,
    *,
    needs: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    files: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
) -> Path:
    """Write a wheel with one module that knows its version."""
    module = name.replace("-", "_").lower()
    info = f"{module}-{release}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {release}"]
    lines += [f"Requires-Dist: {each}" for each in needs]
    for extra, more in (extras or {}).items():
        lines += [f"Provides-Extra: {extra}", *(f"Requires-Dist: {each} ; extra == '{extra}'" for each in more)]
    contents = {
        f"{module}.py": f"VERSION = {release!r}\n",
        **(files or {}),
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},{_digest(text.encode())},{len(text.encode())}\n" for path, text in contents.items())
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{release}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return wheel


def unpack(wheel: Path, site: Path) -> str:
    """Install a wheel into a folder that may stand on `sys.path`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return str(site)


def make_index(folder: Path) -> Path:
    """Fill a folder with a stand-in for all that Ekiben needs, and with packages to try."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for needed in map(Requirement, project["dependencies"]):
        make_wheel(folder, needed.name, version(needed.name))
    make_wheel(folder, "tiny", "1.0")
    make_wheel(folder, "tiny", "1.1")
    make_wheel(folder, "tiny", "2.0rc1")
    make_wheel(folder, "plate", "2.0", needs=["tiny<1.1"], extras={"blue": ["dye"]})
    make_wheel(folder, "dye", "0.3")
    make_wheel(folder, "only-arm", "1.0", tag="py3-none-manylinux_2_17_aarch64")
    return folder


@contextmanager
def serving(folder: Path, *, private: bool = False) -> Iterator[str]:
    """Serve the wheels of a folder; give the address of the index.

    Args:
        folder: with wheels.
        private: asks for USER and PASSWORD.
    """
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if private and self.headers.get("Authorization") != expected:
                self.answer(401, b"")
                return
            parts = self.path.strip("/").split("/")
            if parts[0] == "simple" and len(parts) == 2:
                found = [each for each in sorted(folder.glob("*.whl")) if _name(each) == canonicalize_name(parts[1])]
                links = "".join(
                    f'<a href="../../files/{each.name.replace("+", "%2B")}#sha256={_hex(each)}">{each.name}</a>\n'
                    for each in found
                )
                self.answer(200 if found else 404, f"<!DOCTYPE html><html><body>{links}</body></html>".encode())
            elif parts[0] == "files" and (folder / parts[-1].replace("%2B", "+")).is_file():
                self.answer(200, (folder / parts[-1].replace("%2B", "+")).read_bytes())
            else:
                self.answer(404, b"")

        do_HEAD = do_GET  # noqa: N815 - the name that the server asks for

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Cache-Control", "max-age=600")  # as the public index says
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # a client may leave as soon as it knows enough
                self.wfile.write(b"" if self.command == "HEAD" else body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _name(wheel: Path) -> str:
    return parse_wheel_filename(wheel.name)[0]


def _hex(wheel: Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def _digest(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def reach_nothing(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Let uv reach no index that a test did not name, and keep nothing between tests."""
    for name in [each for each in os.environ if each.startswith("UV_") and each != "UV_SYSTEM_CERTS"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", NOWHERE)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
