"""The table of single scans: what it says without a script, and what its script makes of it in a browser."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import Watched, launched
from pseudohealthy.evaluate.table import CaseResult, read_cases, summarise, write_cases
from pseudohealthy.report.case_table import COLUMNS, case_table, worst_first
from pseudohealthy.report.failures import failed
from pseudohealthy.report.results_page import write_results_page

ROWS = ("cddpm", "sadm_res")
SIZES = {"desktop": {"width": 1280, "height": 720}, "tablet": {"width": 800, "height": 1100}}
HEADS = ["Scan", "Subject", "Pathology", "Failure", *(head for head, _ in COLUMNS.values())]


def made() -> list[CaseResult]:
    """Numbers that differ, some undefined, on two grids; one name has what a TSV must quote."""
    rng, cases = np.random.default_rng(3), []
    for row in ROWS:
        for test_set, n in (("ms", 11), ("tumour", 7), ("healthy", 5)):
            for i in range(n):
                ill = test_set != "healthy"
                metrics = {key: float(value) for key, value in zip(COLUMNS, rng.random(len(COLUMNS)) ** 2, strict=True)}
                metrics |= {"dice": metrics["dice"] if ill else None, "hd95_mm": None if i % 3 else metrics["hd95_mm"]}
                metrics |= {"dice_oracle": metrics["dice_oracle"] if ill else None, "fp_ml": 3 * metrics["fp_ml"]}
                name = f'{test_set}-"{i}"' if i == 2 else f"{test_set}-{i}"
                for grid in ("native", "model"):
                    cases.append(CaseResult(row, test_set, name, f"person {i // 2} <{test_set}>", grid, metrics))
    return cases


def write(folder: Path) -> Path:
    """A page with two case pages."""
    write_cases(made(), folder / "cases.tsv")
    pages = {"ms-1": "pages/ms-1.html", "tumour-3": "pages/a b.html"}
    (folder / "pages").mkdir()
    for page in pages.values():
        (folder / page).write_text("<!doctype html><html lang=en><title>A case</title>")
    write_results_page(
        folder / "report.html",
        title="A test",
        results=summarise(made()),
        verdicts=(),
        gallery=(),
        facts={},
        notes=(),
        table=case_table(made(), (folder / "cases.tsv").read_bytes(), "sadm_res", pages),
    )
    return folder / "report.html"


def native(row: str = "sadm_res") -> list[CaseResult]:
    return [case for case in made() if (case.row, case.grid) == (row, "native")]


def test_lesions_come_before_healthy_scans_each_worst_first() -> None:
    order = [(case.test_set == "healthy", case.metrics) for case in worst_first(native())]
    assert [healthy for healthy, _ in order] == [False] * 18 + [True] * 5
    dices = [metrics["dice_oracle"] for healthy, metrics in order if not healthy]
    assert dices == sorted(dices)
    false_ml = [metrics["fp_ml"] for healthy, metrics in order if healthy]
    assert false_ml == sorted(false_ml, reverse=True)
    assert case_table([], b"", None, {}) is None
    assert case_table(made(), b"", "another", {}).row == "sadm_res"


def test_without_a_script_the_page_has_every_scan_of_the_main_row(read_page, tmp_path) -> None:
    page = read_page(write(tmp_path))
    links = [named["href"] for tag, named in page.tags if tag == "a" and not named["href"].startswith("#")]
    assert sorted(links) == ["pages/a%20b.html", "pages/ms-1.html"]
    values = [float(named["value"]) for tag, named in page.tags if tag == "data"][
        -sum(case.metrics[key] is not None for case in native() for key in COLUMNS) :
    ]
    assert values == [
        case.metrics[key] for case in worst_first(native()) for key in COLUMNS if case.metrics[key] is not None
    ]
    assert "person 0 <ms>" in page.text
    assert "Shown: sadm_res." in page.text
    shares = {
        name: (sum(failed(name, case.metrics) for case in scans), len(scans))
        for name in dict.fromkeys(case.test_set for case in native())
        if (scans := [case for case in native() if case.test_set == name])
    }
    told = " ".join(page.text.split())
    assert "How often sadm_res fails at its stored threshold: " in told
    assert all(f"{name} {few} of {many}" in told for name, (few, many) in shares.items())


def test_seeds_before_names_are_explained_where_there_are_some(read_page, tmp_path) -> None:
    assert "is the seed" not in read_page(write(tmp_path)).text
    seeded = [dataclasses.replace(case, case=f"2/{case.case}") for case in made()]
    assert case_table(seeded, b"", None, {}).several


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def address(tmp_path) -> str:
    return write(tmp_path).as_uri()


@pytest.fixture
def opened(browser, address) -> Iterator[Watched]:
    context = browser.new_context(viewport=SIZES["desktop"], offline=True)
    watched = Watched(context).open(address, viewer=False)
    watched.page.wait_for_selector("#case-table[data-ready]")
    yield watched
    context.close()


def names(page: Any) -> list[str]:
    return page.locator("#case-table tbody th").all_inner_texts()


def saved(page: Any, button: str) -> str:
    with page.expect_download() as download:
        page.locator(button).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


@pytest.mark.timeout(600)
def test_sorting_filtering_and_saving_give_what_python_computes(opened: Watched, address) -> None:
    page, cases = opened.page, native()
    assert opened.requests == [address]
    assert names(page) == [case.case for case in worst_first(cases)]
    for key in ("auprc", "hd95_mm"):
        button = page.get_by_role("button", name=COLUMNS[key][0], exact=True)
        for reverse, told in ((False, "ascending"), (True, "descending")):
            button.click()
            known = [case for case in cases if case.metrics[key] is not None]
            wanted = [case.case for case in sorted(known, key=lambda case: case.metrics[key], reverse=reverse)]
            assert names(page)[: len(known)] == wanted  # undefined last, in both directions
            assert page.locator(f"th[aria-sort={told}]").inner_text() == COLUMNS[key][0]
            assert page.locator("th[aria-sort]").count() == 1
    page.get_by_role("button", name="Scan", exact=True).click()

    assert names(page).index("ms-9") < names(page).index("ms-10")  # as a reader counts

    page.locator("#case-worst").click()
    page.locator("#case-set").select_option("ms")
    page.locator("#case-text").fill("PERSON 1")
    assert names(page) == [
        case.case for case in worst_first(cases) if case.test_set == "ms" and case.subject.startswith("person 1")
    ]
    page.locator("#case-set").select_option("")
    page.locator("#case-text").fill("")
    page.locator("#case-row").select_option("cddpm")
    page.locator("#case-failures").check()
    failures = [case for case in worst_first(native("cddpm")) if failed(case.test_set, case.metrics)]
    assert 3 < len(failures) < 20
    assert names(page) == [case.case for case in failures]
    assert page.locator("#case-status").inner_text() == (
        f"cddpm: {len(failures)} of 23 scans, {len(failures)} of them failures"
    )
    assert page.locator("#case-table tbody a").count() == sum(case.case in ("ms-1", "tumour-3") for case in failures)

    shown = list(csv.DictReader(saved(page, "#case-save-shown").splitlines(), delimiter="\t"))
    assert list(shown[0]) == ["row", "case", "subject", "test_set", "failure", *COLUMNS]
    assert [(line["row"], line["case"], line["failure"]) for line in shown] == [
        ("cddpm", case.case, "true") for case in failures
    ]
    for line, case in zip(shown, failures, strict=True):
        read = {key: None if line[key] == "n/a" else float(line[key]) for key in COLUMNS}
        assert read == case.metrics
    whole = opened.page.context.new_page()  # another page, so that nothing is filtered
    whole.goto(address)
    whole.wait_for_selector("#case-table[data-ready]")
    copy = Path(address.removeprefix("file://")).with_name("copy.tsv")
    copy.write_text(saved(whole, "#case-save-all"), encoding="utf-8")
    assert read_cases(copy) == made()
    assert opened.troubles == []


@pytest.mark.timeout(600)
def test_every_control_is_reached_and_used_by_keyboard(opened: Watched) -> None:
    page = opened.page
    wanted = {"case-row", "case-set", "case-text", "case-failures", "case-worst", "case-save-shown", "case-save-all"}
    wanted |= set(HEADS)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if wanted <= reached:
            break
    assert wanted - reached == set()
    page.get_by_role("button", name="Dice", exact=True).press("Enter")
    assert page.locator("th[aria-sort=ascending]").inner_text() == "Dice"
    page.keyboard.press("Space")  # the focus stays where it was
    assert page.locator("th[aria-sort=descending]").inner_text() == "Dice"
    page.locator("#case-failures").press("Space")
    assert set(page.locator("#case-table .failed").all_inner_texts()) == {"failure"}
    page.locator("#case-row").press("ArrowUp")
    assert page.locator("#case-status").inner_text().startswith("cddpm: ")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("tablet", "dark")])
def test_axe_finds_nothing_and_nothing_is_cut_off(browser, address, size: str, theme: str) -> None:
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme, offline=True)
    watched = Watched(context).open(address, viewer=False)
    watched.page.wait_for_selector("#case-table[data-ready]")
    assert watched.violations() == []
    assert watched.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


@pytest.mark.timeout(600)
def test_without_scripts_the_controls_are_gone_and_other_scripts_never_run(browser, address) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = Watched(context).open(address, viewer=False).page
    assert names(page) == [case.case for case in worst_first(native())]
    assert not page.locator("#case-controls").is_visible()
    context.close()
    context = browser.new_context(offline=True)
    watched = Watched(context).open(address, viewer=False)
    watched.page.evaluate(
        "(s => { s.textContent = 'window.stranger = 1'; document.head.append(s) })(document.createElement('script'))"
    )
    assert watched.page.evaluate("window.stranger") is None
    context.close()
