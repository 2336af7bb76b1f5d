"""A headless Chromium for tests of pages: Debian's `chromium` or another on the PATH, with WebGL 2 in software.

Where there is none the tests are skipped, unless PSEUDOHEALTHY_BROWSER is `required`, as in `.ci/run`.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
PATIENCE_MS = 200_000  # a busy machine without a graphics processor needs half a minute for its first picture
AXE = Path(__file__).parent / "vendored" / "axe-core-4.14.1.min.js"


@contextmanager
def launched() -> Iterator[Any]:
    """A browser of Playwright's, or a skipped test."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        reason = f"no browser: none of {', '.join(NAMES)} is on the PATH"
        if os.environ.get("PSEUDOHEALTHY_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(OPTIONS), timeout=PATIENCE_MS)
        yield browser
        browser.close()


class Watched:
    """A page that remembers what it asked for and what went wrong.

    Attributes:
        page: Playwright's page.
        requests: Every address it asked for, but data: and blob:.
        troubles: Errors and warnings of its console, and uncaught ones.
    """

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.troubles: list[str] = []
        self.page.on("request", lambda one: self._asked(one.url))
        self.page.on("console", lambda one: self._told(one.type, one.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _asked(self, url: str) -> None:
        if not url.startswith(("data:", "blob:")):
            self.requests.append(url)

    def _told(self, kind: str, text: str) -> None:
        # Chromium says that reading pixels from software WebGL is slow; that is no fault of the page.
        if kind in ("error", "warning") and "GL Driver Message" not in text:
            self.troubles.append(f"{kind}: {text}")

    def open(self, address: str, *, viewer: bool = True) -> Watched:
        """Go there and, where there is one, wait for the viewer."""
        self.page.goto(address, wait_until="commit")
        self.page.wait_for_load_state("domcontentloaded")
        if viewer:
            self.page.wait_for_selector("#viewer[data-ready]")
        return self

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.1 A and AA."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}).then(r => r.violations)"
        )
        return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in found]

    def picture(self, selector: str) -> np.ndarray:
        """What is seen of an element: (row, column, 3), uint8."""
        from PIL import Image

        shot = self.page.locator(selector).screenshot(timeout=PATIENCE_MS)
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))
