"""A headless Chromium for the tests of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

PROGRAMS = ("chromium", "google-chrome", "chromium-browser")
WIDTHS = (360, 1200)
PATIENCE_MS = 180_000  # a starved machine is no fault of the page


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium that scripts/setup.sh installed."""
    program = next(path for name in PROGRAMS if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        # No sandbox: tests run as root in containers, where Chromium's own does not start.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def watch(page: Page) -> list[str]:
    """What goes wrong on a page from now on: errors of scripts, dialogs, and any request beyond the file."""
    page.set_default_timeout(PATIENCE_MS)
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (found.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: found.append(request.url) if not _local(request.url) else None)
    return found


def _local(url: str) -> bool:
    return url.startswith(("file:", "blob:", "data:"))


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
