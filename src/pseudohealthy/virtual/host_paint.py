"""A lesion on a real brain: painting, the scan's noise, and what is known of the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.virtual.canvas import Map
from pseudohealthy.virtual.host import Host
from pseudohealthy.virtual.lesions import Lesion, paint
from pseudohealthy.virtual.lesions.glioma import Glioma
from pseudohealthy.virtual.lesions.haemorrhage import Haemorrhage
from pseudohealthy.virtual.lesions.healthy import Healthy
from pseudohealthy.virtual.lesions.infarct import Infarct
from pseudohealthy.virtual.lesions.mass import MassEffect
from pseudohealthy.virtual.lesions.plaques import Plaques
from pseudohealthy.virtual.lesions.unchanged import Unchanged
from pseudohealthy.virtual.lesions.ventricle import EnlargedVentricle
from pseudohealthy.virtual.lesions.wmh import WhiteMatterHyperintensities
from pseudohealthy.virtual.own_tissue import window_voxels
from pseudohealthy.virtual.streams import stream

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class HostKind:
    """A kind of lesion on real brains.

    Attributes:
        make: The lesion; from a carried mask (i, j, k) where it takes one, else from None.
        takes_mask: Whether its shape is a real patient's.
        keeps_tissue: Whether it is filled with the brain's own tissue, and some of its noise.
    """

    make: Callable[[Mask | None], Lesion]
    takes_mask: bool = False
    keeps_tissue: bool = False


def _generated(kind: Callable[[], Lesion]) -> Callable[[Mask | None], Lesion]:
    return lambda _: kind()


def _from_mask(kind: Callable[[Mask], Lesion]) -> Callable[[Mask | None], Lesion]:
    def make(carried: Mask | None) -> Lesion:
        if carried is None:
            raise ValueError("this kind needs a mask")
        return kind(carried)

    return make


HOST_KINDS: Mapping[str, HostKind] = {
    "healthy": HostKind(_generated(Healthy)),
    "tumour": HostKind(_generated(Glioma)),
    "stroke": HostKind(_from_mask(Infarct), takes_mask=True),
    "ms": HostKind(_from_mask(Plaques), takes_mask=True),
    "wmh": HostKind(_generated(WhiteMatterHyperintensities)),
    "haemorrhage": HostKind(_generated(Haemorrhage)),
    "ventricle": HostKind(_generated(EnlargedVentricle)),
    "mass": HostKind(_generated(MassEffect)),
    "sham": HostKind(_generated(Unchanged), keeps_tissue=True),
}


@dataclass(frozen=True, eq=False)
class PaintedHost:
    """A scan of a real brain with a painted lesion, on the host's grid.

    Attributes:
        image: (i, j, k) float32 in the scan's unit, 0 outside the brain.
        mask: (i, j, k) bool, the lesion.
        lesion_ml: Its volume.
        contrast: Mean of painted minus healthy inside the mask, white matter = 1; 0 for an empty mask.
        depth_mm: Mean depth of the mask below the brain's surface; 0 for an empty mask.
    """

    image: Map
    mask: NDArray[np.bool_]
    lesion_ml: float
    contrast: float
    depth_mm: float


def paint_host(host: Host, pathology: str, seed: int, purpose: str, carried: Mask | None = None) -> PaintedHost:
    """Paint a lesion on a host. Voxels that it does not reach keep the healthy scan's values, bit by bit.

    With opacity a, `1 - a` of the scan's noise is left. Noise of the same width is added, so much that the variance is
    everywhere what it was: in the lesion and across its border. What a lesion of own tissue keeps is taken off (see
    `_variance`), and the fine texture that it lost is made up for by more noise.

    Args:
        host: The brain.
        pathology: A name of `HOST_KINDS`.
        seed: Of the lesion.
        purpose: What else tells this lesion from others of the seed.
        carried: The carried mask (i, j, k), where the kind takes one.
    """
    kind, canvas = HOST_KINDS[pathology], host.canvas
    painted = paint(canvas, kind.make(carried), stream(seed, f"lesion {purpose}"))
    opacity = painted.shape.opacity
    left = _variance(host, opacity) if kind.keeps_tissue else (1 - opacity) ** 2
    missing = np.sqrt(np.maximum(1 - left, 0)) * (host.rough if kind.keeps_tissue else 1.0)
    noise = host.noise.sd * host.noise.draw(stream(seed, f"noise {purpose}"), opacity.shape)
    before = canvas.image
    after = np.where(canvas.brain, np.maximum(painted.image + missing * noise, 1e-3), before)
    changed = canvas.brain & ((opacity > 0) | np.any(painted.shape.displacement_mm != 0, axis=-1))
    after = np.where(changed, after, before).astype(np.float32)
    inside = painted.mask
    there = bool(inside.any())
    return PaintedHost(
        image=(after * host.unit * canvas.brain).astype(np.float32),
        mask=inside,
        lesion_ml=float(np.count_nonzero(inside)) * canvas.voxel_ml,
        contrast=float((after - before)[inside].mean()) if there else 0.0,
        depth_mm=float(canvas.depth_mm[inside].mean()) if there else 0.0,
    )


def _variance(host: Host, opacity: Map) -> Map:
    """Variance (i, j, k) of unit noise n over which `own_tissue` was laid.

    That is G n + k (n - G n) for its Gaussian G; with opacity a and b = a (1 - k) the sum is (1 - b) n + b G n.
    """
    replaced = opacity * (1 - host.kept)
    covariance, variance = host.noise.blurred(window_voxels(host.grid.spacing_mm))
    left = (1 - replaced) ** 2 + 2 * (1 - replaced) * replaced * covariance + replaced**2 * variance
    return np.asarray(left, dtype=np.float32)
