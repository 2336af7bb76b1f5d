import numpy as np
from scipy import ndimage

SEEDS = range(4)


def moved_points(scan) -> tuple[np.ndarray, np.ndarray]:
    """Where the tissue at each voxel came from, and the centre of the push, in mm."""
    displacement = scan.painted.shape.displacement_mm
    points = scan.painted.shape.canvas.points_mm
    length = np.linalg.norm(displacement, axis=-1)
    strong = length > 0.5 * length.max()
    # All arrows point to one place: the least-squares meeting point of the lines that they lie on.
    direction = displacement[strong] / length[strong][:, None]
    projector = np.eye(3) - direction[:, :, None] * direction[:, None, :]
    centre = np.linalg.solve(projector.sum(0), (projector @ points[strong][:, :, None]).sum(0)[:, 0])
    return points + displacement, centre


def test_landmarks_move_outwards_by_more_than_a_millimetre(scan_of):
    """A landmark is a piece of tissue of the healthy brain; it is found again by where voxels come from."""
    for seed in SEEDS:
        scan = scan_of(seed, "tumour")
        source, centre = moved_points(scan)
        points = scan.painted.shape.canvas.points_mm
        before, after = np.linalg.norm(source - centre, axis=-1), np.linalg.norm(points - centre, axis=-1)
        assert (after - before).max() > 1.0
        assert (after - before).min() > -0.01


def test_the_image_shows_that_movement(scan_of):
    """Outside the lesion the painted brain looks like the healthy one at the places that tissue comes from."""
    for seed in SEEDS:
        scan, healthy = scan_of(seed, "tumour"), scan_of(seed).painted.shape.canvas
        displacement = scan.painted.shape.displacement_mm
        push = np.linalg.norm(displacement, axis=-1)
        voxel = np.moveaxis(np.indices(push.shape), 0, -1) + displacement / healthy.spacing_mm
        here = (push > 1.5) & healthy.brain
        for name, share in (("lateral_mm", 0.2), ("plain", 0.9)):  # the second map is coarse for its voxels
            still, shown = getattr(healthy, name), getattr(scan.painted.shape.canvas, name)
            expected = ndimage.map_coordinates(still, np.moveaxis(voxel, -1, 0), order=1)
            assert np.abs(shown - expected)[here].mean() < share * np.abs(shown - still)[here].mean()


def test_nothing_folds_and_the_skull_stays(scan_of):
    for seed in SEEDS:
        scan = scan_of(seed, "tumour")
        canvas, displacement = scan.painted.shape.canvas, scan.painted.shape.displacement_mm
        gradient = np.stack(
            [np.stack(np.gradient(displacement[..., axis] / canvas.spacing_mm), axis=-1) for axis in range(3)], axis=-2
        )
        assert np.linalg.det(np.eye(3) + gradient).min() > 0
        assert not np.any(displacement[~canvas.brain])


def test_it_has_a_dark_core_and_an_oedema_between_core_and_healthy_white_matter(scan_of):
    for seed in SEEDS:
        painted = scan_of(seed, "tumour").painted
        level, full = painted.shape.level, painted.shape.opacity > 0.95
        core = painted.image[full & (level < 0.4)].mean()
        oedema = painted.image[full & (level > 0.8)].mean()
        assert core < oedema < 0.95
