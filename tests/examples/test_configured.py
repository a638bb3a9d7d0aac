"""The example of docs/configuration.md is served with the options that the page says."""

from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError
from ekiben.services.load import load
from tests.servers import serving

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "configured"


def test_file_is_that_of_the_page() -> None:
    """The file in the page is the file beside the service."""
    assert (FOLDER / "ekiben.yaml").read_text() in (ROOT / "docs/configuration.md").read_text()


def test_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file counts over the decorator, the environment over the file; the rest stays."""
    found = load("service.py:Greeter", folder=FOLDER).spec
    assert (found.limits.timeout, found.limits.max_concurrency, found.threads) == (30.0, 100, 4)
    monkeypatch.setenv("GREETER_THREADS", "8")
    assert load("service.py:Greeter", folder=FOLDER).spec.threads == 8
    monkeypatch.setenv("EKIBEN_SERVICES__GREETER__THREADS", "3")
    assert load("service.py:Greeter", folder=FOLDER).spec.threads == 3


def test_slip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error in the page is the error that one gets."""
    page = (ROOT / "docs/configuration.md").read_text()
    (tmp_path / "ekiben.yaml").write_text("services: {Greeter: {traffic: {timeot: 3}}}")
    monkeypatch.setenv("EKIBEN_CONFIG", str(tmp_path / "ekiben.yaml"))
    with pytest.raises(ConfigError) as caught:
        load("service.py:Greeter", folder=FOLDER)
    assert f"error: {caught.value.message}\n\nhint: {caught.value.hint}\n" in page


def test_served() -> None:
    """The server runs with a variable's option: a limit that nothing can keep refuses every call."""
    with serving("service.py:Greeter", cwd=FOLDER, env={"EKIBEN_HTTP__MAX_HEADERS": "1"}, wait=False) as server:
        server.wait_for_log("ready in")
        assert server.http.post("/greet", json={"name": "Ada"}).status_code == 431
