"""A real scan as something to paint on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.regions import start, support
from pseudohealthy.virtual.atlas import atlas
from pseudohealthy.virtual.canvas import Canvas, Map
from pseudohealthy.virtual.fields import random_field
from pseudohealthy.virtual.host_files import GREY, WHITE
from pseudohealthy.virtual.host_grid import HostGrid
from pseudohealthy.virtual.host_noise import noise_of
from pseudohealthy.virtual.host_ventricles import ventricles
from pseudohealthy.virtual.own_tissue import NOISE_GAIN, own_tissue, window_voxels

WARP_SCALE_MM, WARP_SD_MM = 20.0, 0.45  # of each component: points move by 0.7 mm, seldom by more than 1.5
SHADING_MM = 20.0  # the coil's sensitivity is white matter's brightness blurred by so much
PARTIAL_VOXELS = 0.5  # sd of the blur that makes partial volume of labels
_BLUR = 1.0 / np.sqrt(8.0 * np.log(2.0))  # as in `prepare.model_grid`: a coarser voxel's width as a Gaussian's sd


class Host:
    """One real brain on one grid.

    The healthy brain, too, passes a small smooth warp and one cubic interpolation, and so does tissue that a lesion
    displaces, in the same interpolation: smoothness tells nothing about where a lesion is.

    Args:
        scan: Scan in any unit.
        mask: Brain mask, bool, on the same grid.
        labels: Tissue labels (1 CSF, 2 grey, 3 white matter), on the same grid.
        grid: Where to paint.
        rng: Source of the warp.

    Attributes:
        canvas: The healthy brain, white matter = 1, the coil's shading taken out.
        unit: (i, j, k) what 1 on the canvas is in the scan's unit: white matter's median, times the shading.
        noise: The scan's noise on this grid, in the canvas's unit.
        kept: (i, j, k) how far `canvas.plain` is the image itself; see `own_tissue`.
        rough: (i, j, k) sd of what `own_tissue` takes away, noise = 1: fine texture of the tissue makes it more.
        grid: Where it lies.
    """

    def __init__(self, scan: Volume, mask: Volume, labels: Volume, grid: HostGrid, rng: np.random.Generator) -> None:
        self.grid = grid
        self._warp = random_field(rng, 3, WARP_SCALE_MM, WARP_SCALE_MM / 4)
        self._load(scan.canonical(), mask.canonical(), labels.canonical())
        points_mm = self._warped(torch.from_numpy(grid.points_mm).reshape(-1, 3))
        maps = self._maps(points_mm)
        brain = maps.pop("brain").reshape(grid.shape) >= 0.5
        image = np.where(brain, np.maximum(self._image(points_mm).reshape(grid.shape), 1e-3 * self._white), 0)
        shaped = {name: values.reshape(grid.shape) for name, values in maps.items()}
        self.unit = self._shading(image, (shaped["wm"] > 0.9) & brain)
        clean = (image / self.unit).astype(np.float32)
        self.noise = noise_of(clean, (shaped["wm"] > 0.95) & brain)
        plain, self.kept, variance = own_tissue(clean, brain, self.noise.sd, grid.spacing_mm)
        self.rough = self._roughness(variance)
        grey, fluid = (shaped["gm"] > 0.9) & brain, ndimage.binary_erosion(shaped["ventricles"] > 0.95) & brain
        self.canvas = Canvas(
            **shaped,
            plain=plain,
            texture=clean - plain,
            brain=brain,
            points_mm=grid.points_mm,
            spacing_mm=grid.spacing_mm,
            gm_level=float(np.median(clean[grey])),
            csf_level=float(np.median(clean[fluid if fluid.any() else (shaped["csf"] > 0.9) & brain])),
            redraw=self._displaced,
        )

    def _load(self, scan: Volume, mask: Volume, labels: Volume) -> None:
        """Keep spline coefficients and soft maps of the scan, in the box that holds the brain."""
        voxel_from_head = np.linalg.inv(scan.affine) @ self.grid.world_from_head
        coarse = self.grid.spacing_mm * np.linalg.norm(voxel_from_head[:3, :3], axis=1)
        sigma = _BLUR * np.sqrt(np.maximum(coarse**2 - 1.0, 0.0))
        box = support(mask.data, np.ceil(3 * sigma).astype(int) + 6)
        self._voxel_from_head = voxel_from_head.copy()
        self._voxel_from_head[:3, 3] -= start(box)
        inside = mask.data[box]
        brain_only = np.where(inside, scan.data[box], 0).astype(np.float32)
        kinds = labels.data[box]
        self._white = float(np.median(brain_only[(kinds == WHITE) & inside]))
        self._spline = ndimage.spline_filter(ndimage.gaussian_filter(brain_only, sigma), output=np.float32)
        mni_from_world = self.grid.mni_from_head @ np.linalg.inv(self.grid.world_from_head)
        hollow = ventricles(labels, mni_from_world)[box]
        soft = [
            ndimage.gaussian_filter(part.astype(np.float32), np.hypot(sigma, PARTIAL_VOXELS))
            for part in ((kinds == GREY) & inside, (kinds == WHITE) & inside, hollow & inside)
        ]
        edge = ndimage.gaussian_filter(inside.astype(np.float32), sigma)
        self._soft = torch.from_numpy(np.stack([*soft, edge]))

    def _warped(self, points_mm: Tensor) -> Tensor:
        """Where in the scanned head the points (n, 3) of the painted head come from."""
        return points_mm + torch.movedim(self._warp.at(points_mm), 0, -1) * WARP_SD_MM

    def _voxels(self, points_mm: Tensor) -> Tensor:
        matrix = torch.from_numpy(self._voxel_from_head).float()
        return points_mm @ matrix[:3, :3].T + matrix[:3, 3]

    def _image(self, points_mm: Tensor) -> Map:
        """Intensities (n,) by the one cubic interpolation."""
        voxels = self._voxels(points_mm).numpy().T
        values = ndimage.map_coordinates(self._spline, voxels, order=3, mode="constant", prefilter=False)
        return np.asarray(values, dtype=np.float32)

    def _maps(self, points_mm: Tensor) -> dict[str, Map]:
        """Soft tissue maps (n,) of the canvas, and `brain`."""
        last = torch.tensor(self._soft.shape[1:]) - 1
        unit = 2 * self._voxels(points_mm) / last - 1
        sampled = torch.nn.functional.grid_sample(
            self._soft[None], unit.flip(-1)[None, None, None], mode="bilinear", padding_mode="zeros", align_corners=True
        )
        gm, wm, hollow, brain = sampled[0, :, 0, 0].numpy()
        to_mni = torch.from_numpy(self.grid.mni_from_head).float()
        mni_mm = points_mm @ to_mni[:3, :3].T + to_mni[:3, 3]
        return {
            "gm": gm,
            "wm": wm,
            "csf": np.clip(1 - gm - wm, 0, 1),
            "ventricles": hollow,
            "deep": atlas().maps.at(mni_mm)[5].numpy(),
            "lateral_mm": (mni_mm[:, 0] - atlas().centre_mm[0]).numpy(),
            "brain": brain,
        }

    def _shading(self, image: Map, white: NDArray[np.bool_]) -> Map:
        """White matter's own brightness, spread over the whole brain (i, j, k)."""
        sigma = SHADING_MM / self.grid.spacing_mm
        weight = ndimage.gaussian_filter(white.astype(np.float32), sigma) + 1e-4  # far from any: the median
        level = ndimage.gaussian_filter(np.where(white, image, 0).astype(np.float32), sigma) + 1e-4 * self._white
        return np.asarray(level / weight, dtype=np.float32)

    def _roughness(self, variance: Map) -> Map:
        _, of_mean = self.noise.blurred(window_voxels(self.grid.spacing_mm))
        of_noise = self.noise.sd**2 * (1 - of_mean)  # what pure noise has around its local mean
        # Of what varies beyond noise the local mean keeps about half: with a square root shams would be 6 % too rough.
        return np.asarray(np.clip(variance / of_noise, 1, NOISE_GAIN) ** 0.25, dtype=np.float32)

    def _displaced(self, displacement_mm: Map) -> Canvas:
        base = self.canvas
        where = base.brain & np.any(displacement_mm != 0, axis=-1)
        moved = torch.from_numpy(base.points_mm[where] + displacement_mm[where])
        points_mm = self._warped(moved)
        maps = self._maps(points_mm)
        del maps["brain"]
        clean = np.maximum(self._image(points_mm), 1e-3 * self._white) / self.unit[where]
        plain = self._own_tissue_at(moved)
        maps |= {"plain": plain, "texture": clean - plain}
        drawn = {name: getattr(base, name).copy() for name in maps}
        for name, values in maps.items():
            drawn[name][where] = values
        return replace(base, **drawn)

    def _own_tissue_at(self, points_mm: Tensor) -> Map:
        voxels = (points_mm.numpy() - self.grid.first_mm.astype(np.float32)) / self.grid.spacing_mm
        return np.asarray(ndimage.map_coordinates(self.canvas.plain, voxels.T, order=1, mode="nearest"), np.float32)
