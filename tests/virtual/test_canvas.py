from dataclasses import replace

import numpy as np
import pytest

from pseudohealthy.virtual.fields import random_map


def test_depth_and_distance_to_the_ventricles_are_those_of_a_ball(ball):
    x = ball.points_mm[24:, 24, 24, 0]  # a ray from the centre
    assert ball.depth_mm[24:, 24, 24] == pytest.approx(np.maximum(42 - x, 0), abs=2.01)
    assert ball.ventricle_mm[24:, 24, 24] == pytest.approx(np.maximum(x - 4, 0), abs=2.01)


def test_depth_counts_the_edge_of_the_box_as_outside(ball):
    full = replace(ball, brain=np.ones_like(ball.brain))
    assert full.depth_mm[0, 24, 24] == 2.0


def test_voxel_volume_and_image(ball):
    assert ball.voxel_ml == pytest.approx(0.008)
    assert np.array_equal(ball.image, ball.plain)


def test_noise_is_a_field_in_space(ball):
    noise = ball.noise(np.random.default_rng(0), 10.0)
    axis = [ball.points_mm[:, 0, 0, 0].astype(np.float64)] * 3
    assert np.allclose(noise, random_map(np.random.default_rng(0), 1, 10.0, axis)[0], atol=1e-5)


def test_pick_follows_the_weights(ball):
    weight = np.where(ball.lateral_mm > 0, 3.0, 1.0).astype(np.float32) * ball.brain
    rng = np.random.default_rng(0)
    points = np.array([ball.pick(weight, rng) for _ in range(150)])
    assert np.linalg.norm(points, axis=1).max() <= 40 + np.sqrt(3)
    right = (points[:, 0] > 1).mean() / np.mean(np.abs(points[:, 0]) > 1)
    assert right == pytest.approx(0.75, abs=0.12)


def test_pick_finds_a_single_voxel(ball):
    weight = np.zeros_like(ball.plain)
    weight[30, 20, 25] = 0.01
    point = ball.pick(weight, np.random.default_rng(0))
    assert np.abs(point - ball.points_mm[30, 20, 25]).max() <= 1.0
