"""The page for people works in a browser that reaches nothing but the server."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from ekiben.http import docs
from tests.servers import Running, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOT = os.environ.get("EKIBEN_SCREENSHOTS")  # a folder to look at afterwards
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost",  # no name but this one leads anywhere
]


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving("pictures.py:Pictures", cwd=Path(__file__).parent) as running:
        yield running


@pytest.fixture
def page() -> Iterator[Page]:
    assert CHROMIUM is not None, "install chromium, or leave this group out: -m 'not browser'"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 1400})
            page.set_default_timeout(30_000)
            yield page
        finally:
            browser.close()


@pytest.mark.parametrize(
    ("name", "version", "title"),
    [("iris", None, "iris"), ("iris", "v1", "iris:v1"), ("</title><script>", "v1", "&lt;/title&gt;&lt;script&gt;:v1")],
)
def test_the_title(name: str, version: str | None, title: str) -> None:
    """The title says which version of a bento this is; nothing in it is read as HTML."""
    assert f"<title>{title}</title>".encode() in docs.page(name, version).content


@pytest.mark.browser
def test_try_a_picture(server: Running, page: Page, tmp_path: Path) -> None:
    """A person opens the address, uploads a picture, presses Execute and reads the JSON; no other host is asked."""
    Image.new("RGBA", (40, 20)).save(tmp_path / "=?odd name.png")
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.goto(f"http://localhost:{server.port}/")
    page.locator("#operations-service-measure button.opblock-summary-control").click()
    page.locator("#operations-service-measure input[type=file]").set_input_files(tmp_path / "=?odd name.png")
    page.locator("#operations-service-measure button.execute").click()
    answer = page.locator("#operations-service-measure .live-responses-table .response-col_description pre").first
    answer.wait_for()
    if SHOT:
        page.screenshot(path=f"{SHOT}/docs.png", full_page=True)
    assert '"width": 40' in answer.inner_text()
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"localhost:{server.port}"}
    assert complaints == []


@pytest.mark.browser
def test_nested_models_are_shown(server: Running, page: Page) -> None:
    """A record in a record is drawn, its own description included, and JSON is sent as it was typed."""
    page.goto(f"http://localhost:{server.port}/docs")
    page.locator("#operations-service-scale button.opblock-summary-control").click()
    page.locator("#operations-service-scale textarea").fill('{"size": {"width": 3, "height": 4}}')
    page.locator("#operations-service-scale button.execute").click()
    answer = page.locator("#operations-service-scale .live-responses-table .response-col_description pre").first
    answer.wait_for()
    if SHOT:
        page.screenshot(path=f"{SHOT}/nested.png", full_page=True)
    assert '"width": 6' in answer.inner_text()
    assert "Resolver error" not in page.content()


@pytest.mark.browser
def test_a_token_is_asked_for(page: Page) -> None:
    """The page of a guarded service shows nothing until it has a token, then bears it in each call."""
    token = "token-of-somebody-0123"
    with serving("pictures.py:Pictures", cwd=Path(__file__).parent, env={"EKIBEN_AUTH_TOKEN": token}) as guarded:
        page.goto(f"http://localhost:{guarded.port}/docs")
        field, button = page.locator("input[name=token]"), page.get_by_role("button", name="Show")
        field.fill("another-token-0123456789")
        button.click()
        page.get_by_text("This token is unknown").wait_for()
        assert page.locator(".opblock").count() == 0
        field.fill(token)
        button.click()
        page.locator("button.authorize").first.wait_for()
        page.locator("#operations-service-scale button.opblock-summary-control").click()
        page.locator("#operations-service-scale textarea").fill('{"size": {"width": 3, "height": 4}}')
        page.locator("#operations-service-scale button.execute").click()
        status = page.locator(
            "#operations-service-scale .live-responses-table tr.response td.response-col_status"
        ).first
        status.wait_for()
        assert status.inner_text().startswith("200")
