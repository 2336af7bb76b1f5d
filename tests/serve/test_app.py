"""The app in a browser: a scan is dropped, watched, looked at and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from browser import PATIENCE_MS, Watched, launched
from pseudohealthy.serve.jobs import Job
from pseudohealthy.serve.score import Scorer


@pytest.mark.timeout(900)
def test_a_scan_is_dropped_watched_looked_at_and_deleted(start, fitted, tmp_path):
    steps: list[str] = []
    scorer = Scorer(fitted.load())

    def work(job: Job, tell: Callable[[str], None]) -> None:
        scorer(job, lambda step: (steps.append(step), tell(step)))

    server = start(work)
    image = fitted.cohort.split("test")[0].image
    text = tmp_path / "letter.nii"
    text.write_text("Dear Sir or Madam")
    with launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="dark")
        watched = Watched(context).open(server.address, viewer=False)
        page: Any = watched.page
        page.wait_for_selector("body[data-ready]")
        assert watched.violations() == []

        page.locator("#file").set_input_files(text)
        page.wait_for_selector("#trouble:not([hidden])")
        assert page.locator("#trouble").inner_text().startswith("letter.nii: Found")
        assert "neither a NIfTI nor a zip file" in page.locator("#trouble").inner_text()
        assert page.locator("#list li").count() == 0
        watched.troubles.clear()  # the console notes each answer with status 400

        page.locator("#threshold").select_option("number")
        for wrong in ("7", ""):
            page.locator("#number").fill(wrong)
            page.locator("#file").set_input_files(image)
            assert "needed a number from 0 to below 1" in page.locator("#trouble").inner_text()
            assert (
                f"{image.name}: Found the threshold {wrong or 'left empty'};" in page.locator("#trouble").inner_text()
            )
        page.locator("#number").fill("0.3")
        page.locator("#file").set_input_files(image)
        page.wait_for_selector("li[data-state=done]", timeout=PATIENCE_MS)
        assert steps == ["reading", "preparing", "reconstructing", "segmenting", "measuring", "writing"]
        assert watched.violations() == []
        page.get_by_role("link", name="Look at it").click()
        page.wait_for_selector("#viewer[data-ready]")
        assert "0.300" in page.locator("#threshold-text").inner_text()
        page.go_back()
        page.wait_for_selector("li[data-state=done]")
        assert page.locator("#list h3").inner_text() == image.name
        page.get_by_role("button", name="Delete").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("#none:not([hidden])")
        assert list(server.folder.iterdir()) == []
        assert watched.troubles == []
        assert all(address.startswith(server.address) for address in watched.requests)
        context.close()
