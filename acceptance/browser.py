"""Open pages in a headless Chromium, from inside a network of ours.

In: a server. Out: a page of Playwright. Chromium is the system's.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, sync_playwright

from acceptance.shell import Server

QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def open_page(server: Server, path: str) -> Iterator[Page]:
    """Open a page of *server* in a browser that has no other network."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    with server.network.inside(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET])
        try:
            page = browser.new_page()
            page.set_default_timeout(30_000)
            page.goto(server.url + path)
            yield page
        finally:
            browser.close()
