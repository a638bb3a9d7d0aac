"""The page of a 0.13 service sends a request for people."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from compat.bentoml.tests.bundles.test_bind import SOURCES, TARGET
from tests.house.tree import ROOT
from tests.http.test_docs import page  # noqa: F401 - a fixture
from tests.servers import Running, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(TARGET, cwd=ROOT, env=SOURCES) as found:
        yield found


@pytest.mark.browser
def test_send_a_row(server: Running, page: Page) -> None:  # noqa: F811 - the fixture
    """A person opens the address, types a row, presses Execute and reads the result."""
    page.goto(f"http://localhost:{server.port}/")
    page.locator("#operations-service-predict button.opblock-summary-control").click()
    page.locator("#operations-service-predict textarea").fill("[[5.1, 3.5, 1.4, 0.2]]")
    page.locator("#operations-service-predict button.execute").click()
    answer = page.locator("#operations-service-predict .live-responses-table .response-col_description pre").first
    answer.wait_for()
    assert "10.2" in answer.inner_text()
