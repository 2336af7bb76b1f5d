import numpy as np
import pytest

from pseudohealthy.score import maps


@pytest.fixture
def scan() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A flat brain with a dark and a bright lesion, and its reconstruction without them."""
    mask = np.zeros((20, 20, 20), dtype=bool)
    mask[3:17, 3:17, 3:17] = True
    x_hat = np.where(mask, 0.7, 0.3).astype(np.float32)
    x = x_hat.copy()
    x[5:8, 5:8, 5:8] = 0.2
    x[12:15, 12:15, 12:15] = 1.3
    return x, x_hat, mask


@pytest.mark.parametrize("name", maps.SCORES)
def test_every_score_is_float32_not_negative_and_zero_outside_the_mask(name, scan):
    x, x_hat, mask = scan
    score = maps.SCORES[name](x, x_hat + 0.1 * ~mask, mask)
    assert score.dtype == np.float32
    assert score.shape == x.shape
    assert score.min() >= 0
    assert not score[~mask].any()
    assert score.max() > 0


@pytest.mark.parametrize(
    ("name", "dark", "bright"),
    [("absolute", 0.5, 0.6), ("darker", 0.5, 0.0), ("brighter", 0.0, 0.6)],
)
def test_differences_know_their_sign(name, dark, bright, scan):
    score = maps.SCORES[name](*scan)
    assert score[6, 6, 6] == pytest.approx(dark, abs=1e-6)
    assert score[13, 13, 13] == pytest.approx(bright, abs=1e-6)
    assert score[10, 10, 10] == 0


def test_ssim_marks_both_signs_and_neither_far_away(scan):
    score = maps.SCORES["ssim"](*scan)
    assert score[6, 6, 6] > 0.3
    assert score[13, 13, 13] > 0.1
    assert score[10, 6, 13] == pytest.approx(0, abs=1e-6)


def test_a_new_score_is_one_line_in_the_table(scan, monkeypatch):
    def squared(x, x_hat, mask):
        return np.where(mask, (x - x_hat) ** 2, 0).astype(np.float32)

    monkeypatch.setattr(maps, "SCORES", {**maps.SCORES, "squared": squared})
    assert maps.SCORES["squared"](*scan)[6, 6, 6] == pytest.approx(0.25)
