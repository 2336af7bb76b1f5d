"""The case page in a browser: what a reader sees, hears and can reach, from a file and without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browser import Watched, launched
from pseudohealthy.io.lesions import LesionMask
from pseudohealthy.report.case_page import write_case_page
from pseudohealthy.report.layers import threshold_table

SIZES = {"desktop": {"width": 1280, "height": 720}, "tablet": {"width": 800, "height": 1000}}
ORANGE = np.array([0xFF, 0xA6, 0x2B])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def case(make_prediction, tmp_path) -> tuple[Any, str]:
    prediction, truth = make_prediction((4.0, 4.0, 4.0), warnings=("A warning.",))
    write_case_page(tmp_path / "sub-01.html", prediction, LesionMask(truth, truth.like(np.zeros_like(truth.data))))
    return prediction, (tmp_path / "sub-01.html").as_uri()


@pytest.fixture
def opened(browser, case) -> Iterator[Watched]:
    context = browser.new_context(viewport=SIZES["desktop"], offline=True)
    yield Watched(context).open(case[1])
    context.close()


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", text.replace("\N{MINUS SIGN}", "-"))]


def place_mm(page: Any) -> np.ndarray:
    return np.array(numbers(page.locator("#place").inner_text()))


def focused(page: Any) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.name || document.activeElement.innerText")


@pytest.mark.timeout(600)
def test_it_opens_from_a_file_offline_and_follows_its_controls(opened: Watched, case) -> None:
    prediction, address = case
    page = opened.page
    assert opened.requests == [address]

    # The slider tells what Python counts on the scan's own grid.
    thresholds, volumes = threshold_table(prediction)
    told = page.locator("#threshold-text")
    marked_ml = prediction.mask.data.sum() * prediction.mask.voxel_ml
    assert numbers(told.inner_text()) == pytest.approx([0.5, marked_ml], abs=0.06)
    assert "as stored" in told.inner_text()
    for step in (0, 37, 62, 100, 180, 200):
        page.locator("#threshold").fill(str(step))
        value, ml = numbers(told.inner_text())
        assert value == pytest.approx(thresholds[step], abs=5e-4)
        assert ml == pytest.approx(volumes[step], abs=0.06)
    page.locator("#stored").click()
    assert "as stored" in told.inner_text()

    # A finding, clicked or entered, is where the crosshair goes.
    centroid = np.array(prediction.lesions[0].centroid_mm)
    page.locator("#slice-z").fill("3")
    assert np.abs(place_mm(page) - centroid).max() > 8
    page.locator("tr[data-mm]").first.click(position={"x": 250, "y": 12})
    assert np.abs(place_mm(page) - centroid).max() <= 4.0
    page.locator("#slice-x").fill("3")
    page.get_by_role("button", name="Finding 1").press("Enter")
    assert np.abs(place_mm(page) - centroid).max() <= 4.0

    # Left is left: the lesion lies in the patient's left, which is on the right until the reader wants it otherwise.
    page.locator("input[name=overlay][value=none]").check()
    page.locator("input[name=view][value=axial]").check()
    sides = []
    for convention in ("Radiological", "Neurological"):
        page.locator("#swap").set_checked(convention == "Neurological")
        assert convention in page.locator("#convention").inner_text()
        seen = opened.picture("#viewer-canvas").astype(int)
        columns = np.nonzero((np.abs(seen - ORANGE) < 30).all(axis=2))[1]
        assert columns.size > 40
        sides.append(columns.mean() / seen.shape[1] - 0.5)
    assert sides[0] > 0.05
    assert sides[1] == pytest.approx(-sides[0], abs=0.03)

    # Layers change what is seen, and threshold 1 leaves no outline.
    plain = opened.picture("#viewer-canvas").astype(int)
    for name, value in (("overlay", "score"), ("overlay", "residual"), ("base", "reconstruction")):
        page.locator(f"input[name={name}][value={value}]").check()
        other = opened.picture("#viewer-canvas").astype(int)
        assert np.abs(other - plain).max(axis=2).mean() > 1, value
        plain = other
    page.locator("input[name=overlay][value=none]").check()
    page.locator("#threshold").fill("200")
    page.locator("#truth").uncheck()
    assert not (np.abs(opened.picture("#viewer-canvas").astype(int) - ORANGE) < 30).all(axis=2).any()
    assert opened.troubles == []


@pytest.mark.timeout(600)
def test_every_control_is_reached_and_used_by_keyboard(opened: Watched) -> None:
    page = opened.page
    wanted = set(
        page.evaluate(
            "[...document.querySelectorAll('#viewer input, select, button, summary, canvas[role]')]"
            ".filter(e => e.checkVisibility()).map(e => e.id || e.name || e.innerText)"
        )
    )
    assert {"viewer-canvas", "threshold", "opacity", "slice-z", "view", "base", "overlay", "stored", "1"} <= wanted
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(focused(page))
        outline = "(e => getComputedStyle(e.tagName === 'CANVAS' ? e.parentElement : e).outlineStyle)"
        assert page.evaluate(f"{outline}(document.activeElement)") != "none", focused(page)
        if wanted <= reached:
            break
    assert wanted - reached == set()
    page.locator("#viewer-canvas").focus()
    for key, axis, sign in (("ArrowRight", 0, -1), ("ArrowUp", 1, 1), ("PageUp", 2, 1)):  # right is the patient's left
        page.keyboard.press(key)  # to the middle of a voxel
        before = place_mm(page)
        page.keyboard.press(key)
        moved = np.zeros(3)
        moved[axis] = sign * 4.0
        np.testing.assert_allclose(place_mm(page) - before, moved, atol=0.11)
    for view, keys in (("coronal", "xzy"), ("sagittal", "yzx")):
        page.locator(f"input[name=view][value={view}]").check()
        page.locator("#viewer-canvas").focus()
        for key, axis in zip(("ArrowRight", "ArrowUp", "PageUp"), keys, strict=True):
            before = place_mm(page)
            page.keyboard.press(key)
            there = (place_mm(page) - before)["xyz".index(axis)]
            assert there == pytest.approx(-4.0 if (view, axis) == ("coronal", "x") else 4.0, abs=0.11)
    page.locator("input[name=view][value=all]").check()
    page.locator("#threshold").focus()
    page.keyboard.press("ArrowRight")
    assert numbers(page.locator("#threshold-text").inner_text())[0] == pytest.approx(0.505)
    page.locator("input[name=view][value=all]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("input[name=view][value=axial]").is_checked()
    assert opened.troubles == []


def test_pictures_are_printed_in_the_viewers_place(opened: Watched) -> None:
    page = opened.page
    assert not page.locator("#pictures-box").evaluate("box => box.open")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#pictures-box").evaluate("box => box.open")
    page.emulate_media(media="print")
    assert page.locator("#pictures-box img").first.is_visible()
    assert not page.locator("#slices").is_visible()
    assert not page.locator("#viewer").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not page.locator("#pictures-box").evaluate("box => box.open")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("size", "theme"), [("desktop", "light"), ("tablet", "dark")])
def test_axe_finds_nothing_and_nothing_is_cut_off(browser, case, size: str, theme: str) -> None:
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme, offline=True)
    watched = Watched(context).open(case[1])
    assert watched.violations() == []
    page = watched.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    frame, controls = (page.locator(one).bounding_box() for one in ("#viewer-frame", "#viewer-controls"))
    beside = controls["x"] >= frame["x"] + frame["width"]
    assert beside == (size == "desktop")
    assert page.locator("#viewer-canvas").bounding_box()["width"] == pytest.approx(frame["width"], abs=2)
    context.close()


@pytest.mark.timeout(600)
def test_without_webgl_or_scripts_the_pictures_are_there(browser, case) -> None:
    context = browser.new_context(viewport=SIZES["desktop"], offline=True)
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    without_webgl = Watched(context).open(case[1], viewer=False)
    without_webgl.page.wait_for_selector("#viewer-missing:not([hidden])")
    assert without_webgl.troubles == []
    no_scripts = browser.new_context(java_script_enabled=False, offline=True)
    for page in (without_webgl.page, Watched(no_scripts).open(case[1], viewer=False).page):
        assert page.locator(".panels img").is_visible()
        assert not page.locator("#viewer").is_visible()
        assert page.locator("table").is_visible()
    context.close()
    no_scripts.close()


def test_no_other_script_runs_in_the_page(browser, case) -> None:
    context = browser.new_context(offline=True)
    watched = Watched(context).open(case[1], viewer=False)
    watched.page.evaluate(
        "(s => { s.textContent = 'window.stranger = 1'; document.head.append(s) })(document.createElement('script'))"
    )
    assert watched.page.evaluate("window.stranger") is None
    assert any("Content Security Policy" in trouble for trouble in watched.troubles)
    context.close()


def test_the_vendored_axe_is_whole(tmp_path: Path) -> None:
    import hashlib

    from browser import AXE

    digest = hashlib.sha256(AXE.read_bytes()).hexdigest()
    assert digest in (AXE.parent / "README.md").read_text(encoding="utf-8")
