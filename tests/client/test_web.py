"""httpx is loaded by the first client, and its errors become ours."""

import subprocess
import sys
import traceback

import httpx
import pytest

from ekiben.client.web import library, translated
from ekiben.core.errors import ConfigError, DeadlineExceeded, EkibenError, Unavailable
from tests.servers import free_port

URL = "http://somewhere"


def test_a_server_does_not_load_it() -> None:
    """A server without a client in it starts without httpx, and without what that brings."""
    script = "import sys, ekiben.http.server, ekiben.services.load; print({'httpx', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
    assert library() is httpx


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        pytest.param(httpx.ConnectError("refused"), Unavailable, f"cannot reach {URL}: refused", id="nobody there"),
        pytest.param(httpx.ConnectTimeout("slow"), Unavailable, "no connection within 3 seconds", id="no connection"),
        pytest.param(httpx.ReadTimeout("slow"), DeadlineExceeded, f"{URL} did not answer within 3", id="no answer"),
        pytest.param(httpx.RemoteProtocolError("gone"), Unavailable, "broke off: gone", id="cut off"),
        pytest.param(httpx.ReadError(""), Unavailable, "broke off: ReadError", id="cut off without a word"),
        pytest.param(httpx.UnsupportedProtocol("x"), ConfigError, "must be the address", id="no address"),
    ],
)
def test_translated(error: Exception, kind: type[EkibenError], words: str) -> None:
    """Each failure of the network is one of our errors, with the address or the time in it."""
    with pytest.raises(kind) as caught, translated(URL, 3):
        raise error
    assert words in str(caught.value)
    assert "".join(traceback.format_exception(caught.value)).count("Traceback") == 1


def test_other_errors_pass() -> None:
    """What is no failure of the network is left as it is."""
    with pytest.raises(KeyError), translated(URL, 3):
        raise KeyError


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("ekiben.SyncHTTPClient(URL).predict(1)", id="a call"),
        pytest.param("ekiben.SyncHTTPClient(URL, server_ready_timeout=0.1)", id="a wait"),
        pytest.param("asyncio.run(ekiben.AsyncHTTPClient(URL).call('predict', 1))", id="an async call"),
        pytest.param("asyncio.run(ekiben.AsyncHTTPClient(URL).wait_until_server_ready(0.1))", id="an async wait"),
    ],
)
def test_a_script_shows_one_error(code: str) -> None:
    """A script that reaches no server ends with one traceback, whose last lines are the URL, the reason, the hint."""
    url = f"http://127.0.0.1:{free_port()}"
    script = f"import asyncio, ekiben\nURL = {url!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "The above exception" not in done.stderr
    assert "During handling" not in done.stderr
    error, hint = done.stderr.rstrip().splitlines()[-2:]
    assert error.startswith(f"ekiben.core.errors.Unavailable: cannot reach {url}: ")
    assert hint == "hint: is the server running, and is this its address?"
