"""Affine registration of a skull-stripped scan to a template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.errors import require
from pseudohealthy.io.templates import Template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_frame import BrainFrame, frame_of
from pseudohealthy.prepare.register_ants import affine_by_ants
from pseudohealthy.prepare.registration import Registration as Registration
from pseudohealthy.prepare.registration import degrees, judge

ENGINES = ("simpleitk", "ants")

# Edge of the voxels, mm: first step, mm, and by what it becomes shorter where the way turns. In the flat valleys of
# 8 mm short steps would end too early.
_LEVELS = {8.0: (4.0, 0.85), 4.0: (1.0, 0.7), 3.0: (0.5, 0.7)}
_LAST_STEP_MM, _MOST_STEPS = 0.02, 100
_RADIUS_MM = 60.0  # of a brain: by how much a change of the matrix by 1 moves it
_BINS = 32
_NODS = (-30.0, 30.0)  # degrees, up and down; turned by 40 a scan still finds its way


def register(image: Volume, mask: Volume, template: Template, engine: str = "simpleitk") -> Registration:
    """Find the affine that lays a scan over a template.

    By SimpleITK: Mattes mutual information of the brains and of 8 mm of air around the template's: from several starts
    on voxels of 8 mm, from the best of them on 4 and on 3 mm. Where the result cannot be trusted, starts nodded by 30
    degrees are tried as well. Every voxel counts, nothing is drawn at random, and ITK has one thread, so that the same
    scan has the same result beside any other work. Finer voxels and samples were measured: they move no tissue.

    Args:
        image: T1w scan in any storage, orientation and unit; voxels outside `mask` are not used.
        mask: Brain mask, bool, on the same grid, not empty.
        template: Where to.
        engine: One of `ENGINES`.

    Returns:
        The affine, its quality, and `problems`, which whoever uses the affine has to look at.

    Raises:
        MissingExtraError: The engine is not installed.
    """
    scan, aim = frame_of(image, mask), _frame_of_template(template)
    if engine == "ants":
        return judge(scan, aim, affine_by_ants(scan, aim), min(_LEVELS))
    first = _best_of(_starts(scan, aim, (0.0,)), scan, aim)
    if not first.problems:
        return first
    nodded = _best_of(_starts(scan, aim, _NODS), scan, aim)
    return max(first, nodded, key=lambda found: (not found.problems, found.mask_dice + found.correlation))


@lru_cache(maxsize=2)
def _frame_of_template(template: Template) -> BrainFrame:
    return frame_of(template.t1, template.brain_mask)


def _starts(scan: BrainFrame, aim: BrainFrame, nods: Sequence[float]) -> Iterator[NDArray[np.float64]]:
    """Template's frame mm -> scan's: boxes laid over each other; centroids, along storage and along world axes."""
    world_axes = scan.frame_from_world[:3, :3]
    turns = [np.eye(3)] if degrees(world_axes) < 5 else [np.eye(3), world_axes]
    for nod in nods:
        box = np.eye(4)
        box[:3, :3] = np.diag(scan.extent_mm / aim.extent_mm) @ _about_x(nod)
        yield box
        for turn in turns:
            by_centroid = np.eye(4)
            by_centroid[:3, :3] = turn @ _about_x(nod)
            by_centroid[:3, 3] = scan.centroid_mm - by_centroid[:3, :3] @ aim.centroid_mm
            yield by_centroid


def _best_of(starts: Iterator[NDArray[np.float64]], scan: BrainFrame, aim: BrainFrame) -> Registration:
    coarse, *finer = _LEVELS
    pair = _Pair(scan, aim, coarse)
    scan_from_aim, _ = min((pair.optimised(start) for start in starts), key=lambda found: found[1])
    for spacing_mm in finer:
        scan_from_aim, _ = _Pair(scan, aim, spacing_mm).optimised(scan_from_aim)
    return judge(scan, aim, scan_from_aim, finer[-1])


class _Pair:
    """Two brains on cubic voxels, as ITK images in the coordinates of their frames: no LPS, no world."""

    def __init__(self, scan: BrainFrame, aim: BrainFrame, spacing_mm: float) -> None:
        self._sitk = require("SimpleITK", "prepare")
        self._first_step_mm, self._shorter = _LEVELS[spacing_mm]
        self._fixed, self._rim = (self._itk(part) for part in _aim_at(aim, spacing_mm))
        self._moving, self._seen = (self._itk(part) for part in (scan.brain_at(spacing_mm), scan.seen_at(spacing_mm)))

    def optimised(self, scan_from_aim: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return a better affine, template's frame mm -> scan's (4, 4), and minus its mutual information."""
        method = self._sitk.ImageRegistrationMethod()
        method.SetNumberOfThreads(1)
        method.SetNumberOfWorkUnits(1)
        method.SetMetricAsMattesMutualInformation(_BINS)
        method.SetMetricFixedMask(self._rim)
        method.SetMetricMovingMask(self._seen)
        # Differences of neighbours instead of a Gaussian's derivative: faster, and the images are smooth already.
        method.SetMetricUseFixedImageGradientFilter(False)
        method.SetMetricUseMovingImageGradientFilter(False)
        method.SetInterpolator(self._sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(
            self._first_step_mm, _LAST_STEP_MM, _MOST_STEPS, relaxationFactor=self._shorter
        )
        method.SetOptimizerScales([_RADIUS_MM**2] * 9 + [1.0] * 3)
        transform = self._sitk.AffineTransform(3)
        transform.SetMatrix(scan_from_aim[:3, :3].ravel().tolist())
        transform.SetTranslation(scan_from_aim[:3, 3].tolist())
        method.SetInitialTransform(transform, True)
        method.Execute(self._fixed, self._moving)
        found = np.eye(4)
        found[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
        found[:3, 3] = transform.GetTranslation()
        return found, float(method.GetMetricValue())

    def _itk(self, volume: Volume) -> Any:
        data = volume.data.astype(np.uint8 if volume.data.dtype == np.bool_ else np.float32)
        image = self._sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
        image.SetSpacing(list(volume.spacing_mm))
        image.SetOrigin(volume.affine[:3, 3].tolist())
        return image


@lru_cache(maxsize=4)
def _aim_at(aim: BrainFrame, spacing_mm: float) -> tuple[Volume, Volume]:
    return aim.brain_at(spacing_mm), aim.rim_at(spacing_mm)


def _about_x(angle_degrees: float) -> NDArray[np.float64]:
    """Rotation about the axis from ear to ear (3, 3)."""
    c, s = np.cos(np.radians(angle_degrees)), np.sin(np.radians(angle_degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
