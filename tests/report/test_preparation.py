"""The pictures of prepared scans: the right side on the left, what failed first, names that cannot break the page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import world_mm
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.report.preparation import (
    PreparedCase,
    picture_from,
    render_preparation,
    write_preparation_page,
)

STORAGES = {
    "RAS": np.diag([4.0, 4, 4]),
    "LAS": np.diag([-4.0, 4, 4]),
    "sagittal PIR": 4 * np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]]),
}
# Panel (axial, coronal, sagittal) -> where the place must appear: across and down, as shares of the panel.
PLACES = {
    "right": ((35.0, 0, 0), {0: (0.25, 0.5), 1: (0.25, 0.5)}),
    "front": ((0.0, 55, 0), {0: (0.5, 0.22), 2: (0.22, 0.5)}),
    "top": ((0.0, 0, 40), {1: (0.5, 0.25), 2: (0.5, 0.25)}),
}


def panels(picture) -> list[np.ndarray]:
    """Grey levels of the six panels."""
    grey = np.asarray(Image.open(io.BytesIO(picture.content)).convert("L"), float)
    return np.split(grey[:, : grey.shape[1] // 6 * 6], 6, axis=1)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("place", PLACES)
def test_a_place_is_where_a_radiologist_looks_for_it(storage, place, made_brain) -> None:
    brain = made_brain(STORAGES[storage], noise=0)
    centre, where = PLACES[place]
    near = np.linalg.norm(world_mm(brain) - np.array(centre)[:, None, None, None], axis=0) < 12
    marked = brain.like(np.where(near & (brain.data > 0), 1, brain.data).astype(np.float32))
    mask = brain_mask(brain)
    plain, dark = (panels(render_preparation(scan, mask, scan, mask)) for scan in (brain, marked))
    for group in (0, 3):
        for view, (across, down) in where.items():
            taken = np.clip(plain[group + view] - dark[group + view], 60, None) - 60
            rows, columns = np.indices(taken.shape)
            found = np.array([(columns * taken).sum(), (rows * taken).sum()]) / taken.sum()
            assert found / [taken.shape[1], taken.shape[0]] == pytest.approx((across, down), abs=0.12)


def test_the_page_shows_failures_first_then_warnings_and_escapes_names(made_brain, tmp_path: Path) -> None:
    brain = made_brain((6.0, 6, 6))
    picture = render_preparation(brain, brain_mask(brain), brain, brain_mask(brain))
    again = picture_from(picture.content)
    assert again == picture
    cases = [
        PreparedCase("calm", ("1600 ml",), (), again),
        PreparedCase("odd <b>", (), ("the top is <cut>",), again),
        PreparedCase("broken", failure="no <brain>"),
    ]
    write_preparation_page(tmp_path / "page.html", cases, "template")
    page = (tmp_path / "page.html").read_text()
    assert page.index(">broken</h2>") < page.index(">odd &lt;b&gt;</h2>") < page.index(">calm</h2>")
    assert "no &lt;brain&gt;" in page
    assert "the top is &lt;cut&gt;" in page
    assert "<strong>2</strong> written" in page
    assert "http" not in page.replace("http-equiv", "")
