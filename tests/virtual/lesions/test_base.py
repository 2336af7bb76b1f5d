from dataclasses import replace

import numpy as np
import pytest

from pseudohealthy.virtual.lesions.base import Lesion, Shape, grow, no_displacement, paint


class Disc(Lesion):
    """A lesion of known shape and intensity."""

    volume_ml = (1.0, 100.0)
    contrast = "dark"

    def shape(self, canvas, rng):
        radius = np.linalg.norm(canvas.points_mm, axis=-1)
        opacity = np.clip((50 - radius) / 20, 0, 1).astype(np.float32)
        return Shape(canvas, opacity, radius / 40, no_displacement(canvas))

    def intensity(self, shape, rng):
        return np.full_like(shape.opacity, 0.3)


def test_painting_blends_by_opacity_and_the_mask_is_where_it_exceeds_one_half(ball):
    painted = paint(ball, Disc(), np.random.default_rng(0))
    opacity = painted.shape.opacity
    assert np.allclose(painted.image, (1 - opacity) * ball.image + opacity * 0.3, atol=1e-6)
    assert np.array_equal(painted.mask, (opacity > 0.5) & ball.brain)
    assert painted.mask.sum() == (np.linalg.norm(ball.points_mm, axis=-1) < 40).sum()


def test_volumes_are_drawn_on_a_logarithmic_scale():
    rng = np.random.default_rng(0)
    volumes = np.array([Disc().draw_volume_ml(rng) for _ in range(3000)])
    assert volumes.min() >= 1.35
    assert volumes.max() <= 100
    assert np.median(volumes) == pytest.approx(np.sqrt(1.35 * 100), rel=0.1)


@pytest.mark.parametrize("volume_ml", [1.0, 20.0, 100.0])
def test_a_radial_level_grows_into_the_sphere_of_the_wanted_volume(ball, volume_ml):
    radius = np.linalg.norm(ball.points_mm, axis=-1).astype(np.float32)
    opacity, level = grow(ball, radius / 10, volume_ml, 10.0, 2.0)
    mask = opacity > 0.5
    wanted = (3000 * volume_ml / (4 * np.pi)) ** (1 / 3)
    assert mask.sum() * ball.voxel_ml == pytest.approx(volume_ml, rel=0.15 if volume_ml < 2 else 0.03)
    assert radius[mask].max() == pytest.approx(wanted, abs=2.0)
    assert radius[~mask & ball.brain].min() == pytest.approx(wanted, abs=2.0)
    assert bool(((level <= 1) | ~mask).all())


def test_the_border_is_soft_and_ends_within_twice_its_width(ball):
    radius = np.linalg.norm(ball.points_mm, axis=-1).astype(np.float32)
    opacity, _ = grow(ball, radius / 1000, 30.0, 10.0, 4.0)  # so flat a level that the ramp alone would reach far
    edge = radius[opacity > 0.5].max()
    assert 0 < opacity[(radius > edge) & (radius < edge + 3)].max() <= 0.5
    assert opacity[radius > edge + 8 + 2].max() == 0


def test_a_lesion_stays_where_it_may_be(ball):
    level = np.where(ball.lateral_mm > 0, 1 + ball.ventricle_mm, np.inf).astype(np.float32)
    opacity, _ = grow(ball, level, 10_000.0, 10.0, 2.0)
    assert not np.any(opacity[ball.lateral_mm <= 0])
    assert not np.any(opacity[~ball.brain])
    room = ((ball.lateral_mm > 0) & ball.brain).sum()
    assert (opacity > 0.5).sum() == pytest.approx(0.9 * room, rel=0.01)


def test_the_skull_does_not_fend_lesions_off(ball):
    """A half-space level grows straight up to the surface."""
    opacity, _ = grow(ball, 100 + ball.lateral_mm, 60.0, 1.0, 2.0)
    inside = ball.lateral_mm < ball.lateral_mm[opacity > 0.5].max() - 4
    assert opacity[inside & ball.brain].min() == 1


def test_crumbs_change_nothing(ball):
    level = np.full_like(ball.plain, 10.0)
    level[20:25, 20:25, 20:25] = 1.0
    level[33, 24, 24] = 0.5
    canvas = replace(ball, spacing_mm=1.0)  # the single voxel is now a thousandth of an ml
    opacity, _ = grow(canvas, level, 0.126, 3.0, 1.0)
    assert opacity[22, 22, 22] > 0.9
    assert opacity[33, 24, 24] == 0
