"""A real server starts behind an open port, stops in order, and speaks TLS, proxies' headers and Unix sockets."""

import os
import signal
import socket
import ssl
import time
from pathlib import Path

import httpx
import pytest
import trustme

from ekiben.core.errors import ConfigError
from ekiben.core.spec import TlsSpec
from ekiben.http.listen import Listen
from ekiben.http.server import Server
from tests.http.calls import Calls
from tests.http.real import in_background, server, wait_for
from tests.http.within import bound
from tests.servers import HOST

pytestmark = pytest.mark.slow


in_each_lane = pytest.mark.parametrize("lane", ["asgi", "fast"])


@in_each_lane
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stop_in_order(tmp_path: Path, how: int, lane: str) -> None:
    """At a signal: not ready at once, alive, no new calls; the call that runs is answered; hooks run; exit 0."""
    with server("tests.http.slow:Slow", folder=tmp_path, drain=60, lane=lane) as running:
        running.wait_until_ready()
        thread, answers = in_background(lambda: httpx.post(f"{running.url}/sync", json={"name": "go"}, timeout=60))
        wait_for(tmp_path / "go-began")
        running.process.send_signal(how)
        end = time.monotonic() + 30
        while httpx.get(f"{running.url}/readyz").status_code == 200:
            assert time.monotonic() < end
        assert httpx.get(f"{running.url}/livez").status_code == 200
        refused = httpx.post(f"{running.url}/quick")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert not (tmp_path / "ended").exists()
        (tmp_path / "go").touch()
        thread.join(60)
        assert [answer.text for answer in answers] == ["go"]
        assert running.process.wait(30) == 0
        assert (tmp_path / "ended").exists()
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{running.url}/livez")


@in_each_lane
def test_stop_under_load(tmp_path: Path, lane: str) -> None:
    """At a signal under load each request that was read has one whole answer: as many as the log has lines."""
    with server("tests.http.slow:Slow", folder=tmp_path, lane=lane) as running:
        running.wait_until_ready()
        clients = [in_background(lambda: ask_on_and_on(running.port)) for _ in range(8)]
        running.wait_for_log('"POST /quick" 200')
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
        for thread, _ in clients:
            thread.join(60)
        answers = [status for _, found in clients for status in found[0]]
        lines = [line for line in running.log.splitlines() if '"POST /quick"' in line]
        assert "Traceback" not in running.log
    assert set(answers) <= {200, 503}
    assert len(answers) == len(lines)
    assert answers.count(200) > 20


def ask_on_and_on(port: int) -> list[int]:
    """Ask until the server hangs up; give the statuses. An answer that is cut is an error."""
    found = []
    with socket.create_connection((HOST, port), timeout=60) as client:
        while True:
            try:
                client.sendall(b"POST /quick HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
                said = client.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                return found
            if not said:
                return found
            head, _, body = said.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            while len(body) < length:
                more = client.recv(65536)
                assert more, "an answer was cut"
                body += more
            found.append(int(head[9:12]))


@in_each_lane
def test_a_call_that_does_not_end_is_cut_off(tmp_path: Path, lane: str) -> None:
    """After `drain` seconds a call that still runs is cancelled and answered with 503, and the server leaves with 0."""
    with server("tests.http.slow:Patient", folder=tmp_path, drain=0.2, lane=lane) as running:
        running.wait_until_ready()
        thread, answers = in_background(lambda: httpx.post(f"{running.url}/wait", timeout=60))
        wait_for(tmp_path / "wait-began")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0
        thread.join(30)
        assert "Traceback" not in running.log
    assert [answer.status_code for answer in answers] == [503]
    assert (tmp_path / "wait-ended").exists()


@in_each_lane
def test_start_behind_an_open_port(tmp_path: Path, lane: str) -> None:
    """While the model loads the port answers: alive, not ready, and callers are told when to come back."""
    (tmp_path / "hold-init").touch()
    with server("tests.http.slow:Slow", folder=tmp_path, lane=lane) as running:
        wait_for(tmp_path / "init-began")
        assert running.http.get("/livez").status_code == 200
        assert running.http.get("/readyz").status_code == 503
        early = running.http.post("/quick")
        assert (early.status_code, early.headers["retry-after"]) == (503, "1")
        (tmp_path / "go-init").touch()
        running.wait_until_ready()
        assert running.http.post("/quick").text == "quick"


def test_stop_while_starting(tmp_path: Path) -> None:
    """A server that is stopped before its model is there leaves with 0."""
    (tmp_path / "hold-init").touch()
    with server("tests.http.slow:Slow", folder=tmp_path) as running:
        wait_for(tmp_path / "init-began")
        running.process.send_signal(signal.SIGTERM)
        (tmp_path / "go-init").touch()
        assert running.process.wait(30) == 0


def test_a_start_that_fails(tmp_path: Path) -> None:
    """A service whose `__init__` raises ends the process with an error."""
    (tmp_path / "fail").touch()
    with server("tests.http.slow:Slow", folder=tmp_path) as running:
        assert running.process.wait(60) != 0
        assert "no weights" in running.log


@in_each_lane
def test_a_client_that_leaves(tmp_path: Path, lane: str) -> None:
    """A call whose client hangs up is cancelled, and the log says 499."""
    with server("tests.http.slow:Patient", folder=tmp_path, lane=lane) as running:
        running.wait_until_ready()
        with socket.create_connection((HOST, running.port)) as client:
            client.sendall(b"POST /wait HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            wait_for(tmp_path / "wait-began")
        wait_for(tmp_path / "wait-ended")
        running.wait_for_log('"POST /wait" 499')


def test_both_loopbacks_and_server_header() -> None:
    """The server answers at both loopback addresses, and bears its name."""
    with server() as running:
        running.wait_until_ready()
        for url in (f"http://127.0.0.1:{running.port}", f"http://[::1]:{running.port}"):
            answer = httpx.post(f"{url}/add", json={"a": 1})
            assert (answer.json(), answer.headers["server"]) == (2, "ekiben")


def test_unix_socket(tmp_path: Path) -> None:
    """A server on a path answers there, and removes the path at its end."""
    path = tmp_path / "socket"
    with server(uds=str(path)) as running:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://x") as client:
            end = time.monotonic() + 60
            while client.get("/readyz").status_code != 200:
                assert time.monotonic() < end
            assert client.post("/add", json={"a": 1}).json() == 2
        assert running.stop() == 0
    assert not path.exists()


def test_proxy_headers() -> None:
    """Only with proxy headers is a proxy believed who the client is."""
    for proxied, shown in ((True, "203.0.113.7:0"), (False, "127.0.0.1:")):
        with server(proxy_headers=proxied) as running:
            running.wait_until_ready()
            running.http.post("/add", json={"a": 1}, headers={"x-forwarded-for": "203.0.113.7"})
            log = running.wait_for_log('"POST /add" 200')
            line = next(line for line in log.splitlines() if "POST /add" in line)
            assert f" INFO {shown}" in line


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make an authority, a server's certificate and a client's."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    names = {name: str(folder / name) for name in ("ca", "cert", "key", "client")}
    authority.cert_pem.write_to_path(names["ca"])
    ours = authority.issue_cert("localhost", "127.0.0.1")
    ours.private_key_pem.write_to_path(names["key"])
    for index, blob in enumerate(ours.cert_chain_pems):
        blob.write_to_path(names["cert"], append=index > 0)
    authority.issue_cert("client@example.com").private_key_and_cert_chain_pem.write_to_path(names["client"])
    return names


@in_each_lane
def test_tls(certificates: dict[str, str], lane: str) -> None:
    """With a certificate the server speaks TLS, and only that."""
    tls = {"certfile": certificates["cert"], "keyfile": certificates["key"], "ciphers": "ECDHE+AESGCM"}
    trusting = ssl.create_default_context(cafile=certificates["ca"])
    with server(tls=tls, lane=lane) as running:
        assert f"https://localhost:{running.port}" in running.log
        with httpx.Client(verify=trusting, base_url=f"https://localhost:{running.port}") as client:
            wait_until_ready(client)
            assert client.post("/add", json={"a": 1}).json() == 2
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://localhost:{running.port}/livez")


def test_tls_with_client_certificates(certificates: dict[str, str]) -> None:
    """Where client certificates are required, a client without one is refused."""
    tls = {"certfile": certificates["cert"], "keyfile": certificates["key"], "ca_certs": certificates["ca"],
           "cert_reqs": int(ssl.CERT_REQUIRED)}  # fmt: skip
    known = ssl.create_default_context(cafile=certificates["ca"])
    known.load_cert_chain(certificates["client"])
    unknown = ssl.create_default_context(cafile=certificates["ca"])
    with server(tls=tls) as running:
        url = f"https://localhost:{running.port}"
        with httpx.Client(verify=known, base_url=url) as client:
            wait_until_ready(client)
        with httpx.Client(verify=unknown, base_url=url) as client, pytest.raises(httpx.HTTPError):
            client.get("/livez")


def wait_until_ready(client: httpx.Client) -> None:
    end = time.monotonic() + 60
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("wrong", ["missing", "not a certificate", "another key", "a cipher that is none"])
def test_tls_files_that_cannot_be_used(certificates: dict[str, str], tmp_path: Path, wrong: str) -> None:
    """A certificate, key or cipher that cannot be used is told before the server starts."""
    other = trustme.CA().issue_cert("localhost")
    other.private_key_pem.write_to_path(str(tmp_path / "key"))
    (tmp_path / "text").write_text("no PEM")
    tls = {
        "missing": TlsSpec(str(tmp_path / "none")),
        "not a certificate": TlsSpec(str(tmp_path / "text"), certificates["key"]),
        "another key": TlsSpec(certificates["cert"], str(tmp_path / "key")),
        "a cipher that is none": TlsSpec(certificates["cert"], certificates["key"], ciphers="none"),
    }[wrong]
    with pytest.raises(ConfigError, match="TLS"):
        Server(bound(Calls), Listen(tls=tls))


def test_nothing_is_inherited() -> None:
    """Signal handlers are those of before once the server has ended."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with Server(bound(Calls), Listen(port=0)).capture_signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    assert os.getpid() > 0
