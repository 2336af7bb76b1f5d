import torch

from pseudohealthy.data.dag import DagAnomaly


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def brains(n=60, size=(60, 50)):
    mask = torch.zeros(n, 1, *size, dtype=torch.bool)
    mask[..., 3:-3, 3:-3] = True
    noise = torch.rand(n, 1, *size, generator=generator(9))
    return (0.3 + 0.7 * noise) * mask, mask


def test_shape_texture_and_bias_are_separate():
    x, mask = brains()
    shapes = []
    for texture, bias in ((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)):
        painted, shape, grade = DagAnomaly(probability=1.0, texture=texture, bias=bias).corrupt(x, mask, generator())
        shapes.append(shape)
        assert torch.equal(painted[shape == 0], x[shape == 0])
        change = painted - x
        size = change.abs().amax((1, 2, 3))
        if bias == 0:  # texture alone: no value beyond those that the shape covers
            for row in range(len(x)):
                covered = x[row][shape[row] > 0]
                assert painted[row][shape[row] > 0].min() >= covered.min() - 1e-6
                assert painted[row][shape[row] > 0].max() <= covered.max() + 1e-6
        if texture == 0:  # bias alone: one direction, and the grade is the largest change
            assert ((change >= 0).flatten(1).all(1) | (change <= 0).flatten(1).all(1)).all()
            torch.testing.assert_close(grade.flatten(), size)
    assert torch.equal(shapes[0], shapes[2])  # the same shapes, cut where a foreign brain ends
    assert torch.equal(torch.where(shapes[0] > 0, shapes[1], 0.0), shapes[0])


def test_the_label_is_the_shape_times_the_grade():
    x, mask = brains()
    painted, shape, grade = DagAnomaly().corrupt(x, mask, generator(3))
    again, label = DagAnomaly()(x, mask, generator(3))
    assert torch.equal(painted, again)
    assert torch.equal(label, shape * grade)
    present = shape.amax((1, 2, 3)) > 0
    assert torch.equal(grade.flatten() > 0, present)
    assert grade.max() <= 1


def test_a_grade_of_texture_is_its_interpolation_factor():
    x, mask = brains()
    painter = DagAnomaly(probability=1.0, texture=1.0, bias=0.0, strength=(0.4, 0.4))
    _, _, grade = painter.corrupt(x, mask, generator(1))
    torch.testing.assert_close(grade, torch.full_like(grade, 0.4))


def test_shapes_are_soft_and_of_many_sizes():
    _, mask = brains(300, (96, 80))
    shape = DagAnomaly(probability=1.0)._shapes(mask, generator())
    assert (shape.amax((1, 2, 3)) > 0.5).all()
    assert ((shape > 0.05) & (shape < 0.95)).any(3).any(2).float().mean() > 0.9
    area = (shape > 0.5).sum((1, 2, 3)).float().sort().values
    assert area[30] < 60
    assert area[270] > 600
