"""How long pages take to be there in a headless Chromium without a graphics processor.

    python benchmarks/page_loading.py PAGE ... [--serve MODEL] [--times 5]

PAGE is a page of this package. Printed is, for each: its size; the median, the shortest and the longest of so many
loads, each in a fresh browser context, from the request until something is seen (`first paint`), and until the viewer
or the table of scans answers (`ready`). `--serve` adds the first page of `pseudohealthy serve`, asked for when the
server has told its address.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

OPTIONS = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
READY = "#viewer[data-ready], #case-table[data-ready]"
PAINT = """new Promise(told => new PerformanceObserver(list => told(list.getEntries().at(-1).startTime))
    .observe({type: "paint", buffered: true}))"""
LONGEST_MS = 300_000


def loaded_s(browser: Any, address: str) -> tuple[float, float]:
    """Seconds to the first paint, and until the page answers (or is loaded, where there is nothing to answer)."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(LONGEST_MS)
    page.goto(address, wait_until="load")
    if page.locator("#viewer, #case-table").count():
        page.wait_for_selector(READY)
    ready_ms = page.evaluate("performance.now()")
    paint_ms = page.evaluate(PAINT)
    context.close()
    return paint_ms / 1000, ready_ms / 1000


def tell(browser: Any, name: str, address: str, times: int) -> None:
    """Load a page so often and print a line."""
    paints, readies = zip(*(loaded_s(browser, address) for _ in range(times)), strict=True)
    told = ", ".join(
        f"{what} {statistics.median(all_s):.2f} s ({min(all_s):.2f} to {max(all_s):.2f})"
        for what, all_s in (("first paint", paints), ("ready", readies))
    )
    print(f"{name}: {told}", flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE")
    parser.add_argument("--serve", type=Path, metavar="MODEL")
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(OPTIONS))
        for page in args.pages:
            name = f"{page.name}, {page.stat().st_size / 1e6:.1f} MB"
            tell(browser, name, page.resolve().as_uri(), args.times)
        if args.serve:
            command = [sys.executable, "-m", "pseudohealthy", "serve", str(args.serve), "--port", "0"]
            with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
                assert server.stderr is not None
                address = next(found[0] for line in server.stderr if (found := re.search(r"http://[\w.:]+", line)))
                tell(browser, "serve, first page", address, args.times)
                server.terminate()
        browser.close()


if __name__ == "__main__":
    main()
