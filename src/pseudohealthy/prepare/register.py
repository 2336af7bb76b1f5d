"""Affine registration of a skull-stripped scan to a template, and how far its result can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage

from pseudohealthy.errors import require
from pseudohealthy.io.templates import Template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.model_grid import ModelGrid, sample
from pseudohealthy.prepare.regions import size, start, support

_COARSE_MM, _FINE_MM = 4.0, 2.0
_MARGIN_MM = 16.0  # air around the brain, which a start may miss by as much
_RIM_MM = 8.0  # around the template's brain: without it nothing would keep the scan from growing out of the template
_RADIUS_MM = 60.0  # of a brain: what a change of the matrix by 1 moves, against a shift by 1 mm
_BINS, _SEED = 32, 1
_SHARE = 0.25  # of the fine grid's voxels that the metric looks at


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a scan lies in a template's space, and how well.

    Attributes:
        template_from_world: Scan's world mm -> template's world mm (4, 4); affine.
        mask_dice: Overlap of the two brain masks in template space, where the scan has a field of view; 0 to 1.
        correlation: Of the intensities of scan and template where both have brain; -1 to 1.
        field: Share of the template's brain that the scan's field of view holds, 0 to 1.
        zooms: Stretch along the three principal axes, template mm a scan's mm, smallest first.
        rotation_degrees: Between the scan's world and the template's, without the stretch.
        problems: Sentences about what is wrong; empty where the result can be used.
    """

    template_from_world: NDArray[np.float64]
    mask_dice: float
    correlation: float
    field: float
    zooms: tuple[float, float, float]
    rotation_degrees: float
    problems: tuple[str, ...] = ()


LEAST_DICE, LEAST_CORRELATION, LEAST_FIELD = 0.9, 0.4, 0.8
ZOOMS, MOST_DEGREES = (0.7, 1.5), 60.0


def register(image: Volume, mask: Volume, template: Template) -> Registration:
    """Find the affine that lays a scan over a template.

    Mattes mutual information (SimpleITK) of the brains and of a rim of air around the template's. From several starts
    on a grid of 4 mm, the best goes on to 2 mm. Where the result is doubtful, more starts are tried, nodded by ±15 and
    ±30 degrees. One thread and a fixed seed: the same scan has the same result on any machine's number of cores.

    Args:
        image: T1w scan in any storage, orientation and unit; voxels outside `mask` are not used.
        mask: Brain mask, bool, on the same grid.
        template: Where to.

    Returns:
        The affine, its quality, and `problems`, which whoever uses the affine has to look at.

    Raises:
        MissingExtraError: SimpleITK is not installed.
    """
    scan = _Brain(image, mask)
    aim = _brain_of(template)
    first = _refined(scan, aim, list(_starts(scan, aim, (0.0,))))
    if not first.problems:
        return first
    nodded = _refined(scan, aim, list(_starts(scan, aim, (-30.0, -15.0, 15.0, 30.0))))
    return max(first, nodded, key=lambda result: (not result.problems, result.mask_dice + result.correlation))


class _Brain:
    """A brain in a frame of its own: mm from the centre of its box, along the axes in which it is stored (R, A, S)."""

    def __init__(self, image: Volume, mask: Volume) -> None:
        upright = mask.canonical()
        self.image, self.mask = image.like(np.where(mask.data, image.data, 0).astype(np.float32)), mask
        box = support(upright.data, 0)
        corners = np.array([start(box) - 0.5, start(box) + size(box) - 0.5])
        middle = upright.affine[:3, :3] @ corners.mean(0) + upright.affine[:3, 3]
        self.axes, _ = linalg.polar(upright.affine[:3, :3])  # nearest rotation: a sheared affine has no right angles
        self.extent_mm = (corners[1] - corners[0]) * np.array(upright.spacing_mm)
        self.frame_from_world = np.eye(4)
        self.frame_from_world[:3, :3] = self.axes.T
        self.frame_from_world[:3, 3] = -self.axes.T @ middle
        inside = np.argwhere(upright.data)
        centre = upright.affine[:3, :3] @ inside.mean(0) + upright.affine[:3, 3]
        self.centroid = self.frame_from_world[:3, :3] @ centre + self.frame_from_world[:3, 3]
        self.seen = mask.like(np.ones(mask.shape, bool))

    @lru_cache(maxsize=2)  # noqa: B019 - two grids a brain, and templates live as long as the program
    def on_grid(self, spacing_mm: float) -> tuple[Volume, Volume, Volume]:
        """Image, mask and field of view on cubic voxels of the frame."""
        grid = self.grid(spacing_mm)
        image, mask, seen = (sample(part, self.frame_from_world, grid) for part in (self.image, self.mask, self.seen))
        return image, mask, seen

    def grid(self, spacing_mm: float) -> ModelGrid:
        """The frame's grid: the brain's box and some air."""
        x, y, z = (int(n) for n in np.ceil((self.extent_mm + 2 * _MARGIN_MM) / spacing_mm))
        return ModelGrid("registration", (x, y, z), spacing_mm)


@lru_cache(maxsize=2)
def _brain_of(template: Template) -> _Brain:
    return _Brain(template.t1, template.brain_mask)


def _starts(scan: _Brain, aim: _Brain, nods: Sequence[float]) -> Iterator[NDArray[np.float64]]:
    """Template frame -> scan frame: brain boxes laid over each other; centroids, along storage and world axes."""
    for degrees in nods:
        turn = _nod(degrees)
        box = np.eye(4)
        box[:3, :3] = turn @ np.diag(scan.extent_mm / aim.extent_mm)
        yield box
        upright = [np.eye(3)]
        tilt = scan.axes.T  # the scan's world axes, seen in its frame
        if _degrees(tilt) > 5.0:
            upright.append(tilt)
        for rotation in upright:
            by_centroid = np.eye(4)
            by_centroid[:3, :3] = turn @ rotation
            by_centroid[:3, 3] = scan.centroid - by_centroid[:3, :3] @ aim.centroid
            yield by_centroid


def _refined(scan: _Brain, aim: _Brain, starts: Sequence[NDArray[np.float64]]) -> Registration:
    coarse = [_optimised(scan, aim, _COARSE_MM, begin) for begin in starts]
    best, _ = min(coarse, key=lambda found: found[1])
    scan_from_template, _ = _optimised(scan, aim, _FINE_MM, best)
    return _judged(scan, aim, scan_from_template)


def _optimised(
    scan: _Brain, aim: _Brain, spacing_mm: float, begin: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Refine an affine from the template's frame to the scan's; returns it and minus the mutual information."""
    sitk = require("SimpleITK", "prepare")
    fixed, _, _ = aim.on_grid(spacing_mm)
    moving, _, seen = scan.on_grid(spacing_mm)
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetNumberOfWorkUnits(1)
    method.SetMetricAsMattesMutualInformation(_BINS)
    if spacing_mm < _COARSE_MM:
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(_SHARE, _SEED)
    method.SetMetricFixedMask(_as_itk(sitk, _widened(aim, spacing_mm)))
    method.SetMetricMovingMask(_as_itk(sitk, seen))
    method.SetInterpolator(sitk.sitkLinear)
    step = 4.0 if spacing_mm == _COARSE_MM else 1.0
    method.SetOptimizerAsRegularStepGradientDescent(step, 0.01, 100, relaxationFactor=0.6)
    method.SetOptimizerScales([_RADIUS_MM**2] * 9 + [1.0] * 3)
    transform = sitk.AffineTransform(3)
    transform.SetMatrix([float(value) for value in begin[:3, :3].ravel()])
    transform.SetTranslation([float(value) for value in begin[:3, 3]])
    method.SetInitialTransform(transform, True)
    method.Execute(_as_itk(sitk, fixed), _as_itk(sitk, moving))
    found = np.eye(4)
    found[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    found[:3, 3] = transform.GetTranslation()
    return found, float(method.GetMetricValue())


def _judged(scan: _Brain, aim: _Brain, scan_from_template: NDArray[np.float64]) -> Registration:
    aim_from_world = np.linalg.inv(scan_from_template) @ scan.frame_from_world
    template_from_world = np.linalg.inv(aim.frame_from_world) @ aim_from_world
    grid = aim.grid(_FINE_MM)
    there, brain, _ = aim.on_grid(_FINE_MM)
    image, mask, seen = (sample(part, aim_from_world, grid).data for part in (scan.image, scan.mask, scan.seen))
    common, both = brain.data & seen, brain.data & mask
    dice = 2 * both.sum() / max(mask.sum() + common.sum(), 1)
    correlation = np.corrcoef(there.data[both], image[both])[0, 1] if both.sum() > 1 else 0.0
    rotation, stretch = linalg.polar(template_from_world[:3, :3])
    x, y, z = (float(zoom) for zoom in np.linalg.eigvalsh(stretch))
    found = Registration(
        template_from_world,
        mask_dice=float(dice),
        correlation=float(np.nan_to_num(correlation)),
        field=float(common.sum() / brain.data.sum()),
        zooms=(x, y, z),
        rotation_degrees=_degrees(rotation),
    )
    return replace(found, problems=tuple(_problems(found)))


def _problems(found: Registration) -> Iterator[str]:
    if found.mask_dice < LEAST_DICE:
        yield f"brain masks overlap with a Dice of {found.mask_dice:.2f}, below {LEAST_DICE:g}"
    if found.correlation < LEAST_CORRELATION:
        yield f"intensities correlate with the template's by {found.correlation:.2f}, below {LEAST_CORRELATION:g}"
    if found.field < LEAST_FIELD:
        yield f"the field of view holds {found.field:.0%} of the template's brain, less than {LEAST_FIELD:.0%}"
    if found.zooms[0] < ZOOMS[0] or found.zooms[2] > ZOOMS[1]:
        least, _, most = found.zooms
        yield f"the brain is stretched by {least:.2f} to {most:.2f}, outside {ZOOMS[0]:g} to {ZOOMS[1]:g}"
    if np.linalg.det(found.template_from_world[:3, :3]) < 0:
        yield "left and right are exchanged"
    elif found.rotation_degrees > MOST_DEGREES:
        yield f"the head is turned by {found.rotation_degrees:.0f} degrees, more than {MOST_DEGREES:g}"


def _degrees(rotation: NDArray[np.float64]) -> float:
    return float(np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))))


def _nod(degrees: float) -> NDArray[np.float64]:
    """Rotation about x, ear to ear (3, 3)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _widened(aim: _Brain, spacing_mm: float) -> Volume:
    brain = aim.on_grid(spacing_mm)[1]
    return brain.like(ndimage.distance_transform_edt(~brain.data) * spacing_mm <= _RIM_MM)


def _as_itk(sitk: Any, volume: Volume) -> Any:
    """The voxels of a frame's grid with the frame's coordinates: ITK's own (L, P, S) never meets the world's."""
    data = volume.data.astype(np.uint8 if volume.data.dtype == np.bool_ else np.float32)
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.transpose(2, 1, 0)))
    image.SetSpacing([float(mm) for mm in volume.spacing_mm])
    image.SetOrigin([float(mm) for mm in volume.affine[:3, 3]])
    return image
