"""The control: painted like a lesion, and nothing to find."""

import numpy as np
import pytest

from pseudohealthy.virtual.appearance import TEXTURE_SD
from pseudohealthy.virtual.lesions import PATHOLOGIES, Shape
from pseudohealthy.virtual.lesions.base import no_displacement

SEEDS = range(4)


def pooled(scan_of, where) -> tuple[np.ndarray, np.ndarray]:
    """What painting left of texture, and the person's own, at voxels that `where(opacity, canvas)` selects."""
    painted, own = [], []
    for seed in SEEDS:
        scan = scan_of(seed, "sham")
        canvas = scan.painted.shape.canvas
        chosen = where(scan.painted.shape.opacity, canvas) & canvas.brain
        painted.append((scan.painted.image - canvas.plain)[chosen])
        own.append(canvas.texture[chosen])
    return np.concatenate(painted), np.concatenate(own)


def test_it_is_another_draw_and_not_the_same_picture(scan_of):
    inside, own = pooled(scan_of, lambda opacity, _: opacity > 0.99)
    assert abs(np.corrcoef(inside, own)[0, 1]) < 0.1


@pytest.mark.parametrize("opacity", [0.05, 0.3, 0.5, 0.8, 1.0])
def test_mean_and_variance_are_those_of_the_tissue_at_any_opacity(scan_of, opacity):
    """A plain blend of two textures of equal variance would lose up to half of it at opacity one half."""
    canvas = scan_of(0).painted.shape.canvas
    shape = Shape(canvas, np.full_like(canvas.plain, opacity), canvas.plain, no_displacement(canvas))
    intensity = PATHOLOGIES["sham"].intensity(shape, np.random.default_rng(0))
    painted = ((1 - opacity) * canvas.image + opacity * intensity - canvas.plain)[canvas.brain]
    own = canvas.texture[canvas.brain]
    assert painted.mean() == pytest.approx(own.mean(), abs=5 * TEXTURE_SD / np.sqrt(own.size / 8))
    assert painted.std() == pytest.approx(own.std(), rel=0.04)


def test_in_the_scan_the_inside_equals_matched_tissue_outside(scan_of):
    """Intensities of white matter inside all masks against white matter outside, each person's own contrast removed."""
    inside, outside = [], []
    for seed in SEEDS:
        scan = scan_of(seed, "sham")
        canvas = scan.painted.shape.canvas
        image = scan.image.data[scan.window]
        white = (canvas.wm > 0.95) & (canvas.depth_mm > 8)
        # The coil's sensitivity is shared by neighbours: compare with the person's scan without the sham.
        ratio = image / np.maximum(scan_of(seed).image.data[scan.window], 1e-6)
        inside.append(ratio[white & scan.painted.mask])
        outside.append(image[white & ~scan.painted.mask] / image[white & ~scan.painted.mask].mean())
    values = np.concatenate(inside)
    assert values.mean() == pytest.approx(1.0, abs=4 * values.std() / np.sqrt(values.size / 8))
    assert values.std() < 0.1 * np.concatenate(outside).mean()


def test_its_shapes_are_those_of_the_other_kinds():
    others = [kind.volume_ml for name, kind in PATHOLOGIES.items() if name not in ("healthy", "sham")]
    assert PATHOLOGIES["sham"].volume_ml == (min(low for low, _ in others), max(high for _, high in others))
