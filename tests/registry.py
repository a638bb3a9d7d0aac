"""A small registry in this process that keeps the contract, and breaks it as a test wants.

Source: the OCI distribution specification 1.1.
"""

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Act = Callable[["Handler"], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]  # names in lower case


@dataclass(slots=True)
class Fault:
    """What goes wrong, and when: the first *times* requests that match, after *skip* that go well."""

    method: str
    part: str  # of the path
    act: Act
    times: int = 1
    skip: int = 0

    def takes(self, method: str, path: str) -> bool:
        if self.times <= 0 or method != self.method or self.part not in path:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


@dataclass(slots=True)
class FakeRegistry:
    """What the registry holds, and how it behaves."""

    user: str = ""  # who may come in; nobody is asked where it is empty
    password: str = ""
    bearer: bool = False  # by tokens
    can_mount: bool = True
    takes_pieces: bool = True
    realm: str = ""  # another server of tokens than itself
    faults: list[Fault] = field(default_factory=list)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)  # by repository and digest
    manifests: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    host: str = ""

    def break_at(self, method: str, part: str, act: Act, *, times: int = 1, skip: int = 0) -> None:
        self.faults.append(Fault(method, part, act, times, skip))

    def count(self, method: str, part: str = "") -> int:
        return sum(one.method == method and part in one.path for one in self.asked)

    def keep(self, repository: str, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self.blobs[repository, digest] = data
        return digest


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    registry: FakeRegistry

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # the client left, as tests of clients do
            self.close_connection = True

    def answer(self, status: int, headers: Mapping[str, str] | None = None, data: bytes = b"") -> None:
        self.send_response(status)
        told = {"content-length": str(len(data)), **(headers or {})}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status: int, code: str = "UNKNOWN", headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
        self.answer(status, {"content-type": "application/json", **(headers or {})}, data)

    def cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def body(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        left = int(self.headers.get("content-length") or 0)
        while left and (piece := self.rfile.read1(min(left, 65536))):  # type: ignore[attr-defined]
            left -= len(piece)
            yield piece

    def serve(self) -> None:
        registry = self.registry
        headers = {name.lower(): value for name, value in self.headers.items()}
        registry.asked.append(Asked(self.command, self.path, headers))
        for fault in registry.faults:
            if fault.takes(self.command, self.path):
                fault.act(self)
                return
        if self.path.startswith("/token"):
            self.give_token()
        elif self.may_come_in():
            self.route()
        else:
            self.body()
            self.challenge()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = serve  # noqa: N815 - the names of http.server

    def may_come_in(self) -> bool:
        if not self.registry.user:
            return True
        given = self.headers.get("authorization", "")
        if not self.registry.bearer:
            return given == self.basic()
        granted = self.registry.tokens.get(given.removeprefix("Bearer "))
        return granted is not None and f"repository:{self.repository()}:" in granted

    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.registry.user}:{self.registry.password}".encode()).decode()

    def challenge(self) -> None:
        if self.registry.bearer:
            realm = self.registry.realm or f"http://{self.registry.host}/token"
            scope = f"repository:{self.repository()}:pull"
            told = f'Bearer realm="{realm}",service="fake",scope="{scope}"'
        else:
            told = 'Basic realm="fake"'
        self.refuse(401, "UNAUTHORIZED", {"www-authenticate": told})

    def give_token(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if self.command == "POST":
            query = parse_qs(self.body().decode())
            is_known = query.get("refresh_token") == [self.registry.password]
        else:
            is_known = self.headers.get("authorization") == self.basic()
        if not is_known:
            self.refuse(401, "UNAUTHORIZED")
            return
        token = f"t{len(self.registry.tokens)}"
        self.registry.tokens[token] = " ".join(query.get("scope", []))
        self.answer(200, {}, json.dumps({"token": token, "expires_in": 300}).encode())

    def repository(self) -> str:
        path = urlsplit(self.path).path.removeprefix("/v2/")
        for part in ("/manifests/", "/blobs/", "/tags/"):
            path = path.partition(part)[0]
        return path

    def route(self) -> None:
        path = urlsplit(self.path).path
        if "/manifests/" in path:
            self.manifest(path.rpartition("/")[2])
        elif "/blobs/uploads/" in path:
            self.upload(path.rpartition("/")[2])
        elif "/blobs/" in path:
            self.blob(path.rpartition("/")[2])
        elif path.endswith("/tags/list"):
            self.tags()
        else:
            self.refuse(404)

    def manifest(self, reference: str) -> None:
        key = (self.repository(), reference)
        if self.command == "PUT":
            data = self.body()
            kept = (self.headers["content-type"], data)
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            self.registry.manifests[key] = self.registry.manifests[key[0], digest] = kept
            self.answer(201, {"docker-content-digest": digest})
        elif key in self.registry.manifests:
            kind, data = self.registry.manifests[key]
            self.answer(200, {"content-type": kind}, data)
        else:
            self.refuse(404, "MANIFEST_UNKNOWN")

    def tags(self) -> None:
        found = sorted(tag for name, tag in self.registry.manifests if name == self.repository() and ":" not in tag)
        after = parse_qs(urlsplit(self.path).query).get("last", [""])[0]
        rest = [tag for tag in found if tag > after]
        more = {"link": f'<{urlsplit(self.path).path}?last={rest[1]}>; rel="next"'} if len(rest) > 2 else {}
        self.answer(200, more, json.dumps({"tags": rest[:2]}).encode())

    def blob(self, digest: str) -> None:
        data = self.registry.blobs.get((self.repository(), digest))
        if data is None:
            self.refuse(404, "BLOB_UNKNOWN")
            return
        start = int((self.headers.get("range") or "bytes=0-")[6:].partition("-")[0])
        told = {"content-range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.answer(206 if start else 200, told, data[start:])

    def upload(self, name: str) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if self.command == "POST":
            self.begin(query)
            return
        kept = self.registry.uploads.get(name)
        if kept is None:
            self.body()
            self.refuse(404, "BLOB_UPLOAD_UNKNOWN")
        elif self.command == "GET":
            self.answer(204, self.state(name))
        elif self.command == "PATCH":
            self.take_piece(name, kept)
        else:
            self.complete(name, kept, query.get("digest", ""))

    def begin(self, query: Mapping[str, str]) -> None:
        other = (query.get("from", ""), query.get("mount", ""))
        if self.registry.can_mount and other in self.registry.blobs:
            self.registry.blobs[self.repository(), other[1]] = self.registry.blobs[other]
            self.answer(201, {"docker-content-digest": other[1]})
            return
        name = f"u{len(self.registry.uploads)}"
        self.registry.uploads[name] = bytearray()
        self.answer(202, self.state(name))

    def take_piece(self, name: str, kept: bytearray) -> None:
        start = int(self.headers.get("content-range", "0-0").partition("-")[0])
        if not self.registry.takes_pieces or start != len(kept):
            self.body()
            self.refuse(416 if self.registry.takes_pieces else 405, "BLOB_UPLOAD_INVALID", self.state(name))
            return
        for piece in self.pieces():
            kept += piece
        self.answer(202, self.state(name))

    def complete(self, name: str, kept: bytearray, digest: str) -> None:
        data = bytes(kept) + self.body()
        if "sha256:" + hashlib.sha256(data).hexdigest() != digest:
            del self.registry.uploads[name]
            self.refuse(400, "DIGEST_INVALID")
            return
        self.registry.blobs[self.repository(), digest] = data
        self.answer(201, {"docker-content-digest": digest})

    def state(self, name: str) -> dict[str, str]:
        place = f"/v2/{self.repository()}/blobs/uploads/{name}"
        return {"location": place, "range": f"0-{max(0, len(self.registry.uploads[name]) - 1)}"}


def say(status: int, headers: Mapping[str, str] | None = None, data: bytes = b"") -> Act:
    """Answer so, whatever was asked."""

    def act(handler: Handler) -> None:
        handler.body()
        handler.answer(status, headers, data)

    return act


def cut_request(after: int) -> Act:
    """Keep the first bytes of a piece of a blob, and hang up."""

    def act(handler: Handler) -> None:
        kept = handler.registry.uploads[urlsplit(handler.path).path.rpartition("/")[2]]
        kept += handler.rfile.read(after)
        handler.cut()

    return act


def cut_answer(data: bytes, claimed: int, headers: Mapping[str, str] | None = None, status: int = 200) -> Act:
    """Claim more bytes than are sent, and hang up."""

    def act(handler: Handler) -> None:
        handler.answer(status, {"content-length": str(claimed), **(headers or {})}, data)
        handler.cut()

    return act


def hang_up(handler: Handler) -> None:
    """Answer nothing at all."""
    handler.cut()


def never_end(handler: Handler) -> None:
    """Send bytes for as long as someone reads them."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(65536))


@contextmanager
def fake_registry(**settings: Any) -> Iterator[FakeRegistry]:
    """Run a registry on a free port of this machine."""
    registry = FakeRegistry(**settings)

    class Bound(Handler):
        pass

    Bound.registry = registry
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    registry.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
