"""The noise of a real scan: how strong, how fine, and more of the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.canvas import Map

HIGH_PASS_VOXELS = 1.5  # sd of the Gaussian that is subtracted
WIDTHS_VOXELS = np.linspace(0.0, 1.2, 49)  # of the noise's own blur, among which one is found
_CUBE = 32  # voxels: enough for the widest blur


@dataclass(frozen=True)
class HostNoise:
    """Gaussian noise, as if white noise had been blurred.

    Attributes:
        sd: Standard deviation, in the image's units.
        width_voxels: sd of the Gaussian that blurred it.
    """

    sd: float
    width_voxels: float

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Map:
        """Noise of this width and of unit variance (i, j, k)."""
        white = rng.standard_normal(shape, dtype=np.float32)
        if self.width_voxels == 0:
            return white
        response = np.zeros((13, 13, 13), np.float32)
        response[6, 6, 6] = 1.0
        gain = float(np.sqrt((ndimage.gaussian_filter(response, self.width_voxels) ** 2).sum()))
        return np.asarray(ndimage.gaussian_filter(white, self.width_voxels) / gain, dtype=np.float32)

    def blurred(self, sigma_voxels: float) -> tuple[float, float]:
        """What a Gaussian of this sd makes of unit noise: its covariance with the noise, and its variance."""
        power, square, _ = _spectrum(self.width_voxels)
        passed = np.exp(-2 * (np.pi * sigma_voxels) ** 2 * square)
        return float((power * passed).sum() / power.sum()), float((power * passed**2).sum() / power.sum())


def noise_of(image: Map, white_matter: NDArray[np.bool_]) -> HostNoise:
    """Find the noise of an image where nothing but noise should vary.

    Args:
        image: (i, j, k).
        white_matter: Voxels that are nothing but white matter.
    """
    weight = ndimage.gaussian_filter(white_matter.astype(np.float32), HIGH_PASS_VOXELS)
    smooth = ndimage.gaussian_filter(np.where(white_matter, image, 0), HIGH_PASS_VOXELS) / np.maximum(weight, 1e-3)
    core = ndimage.binary_erosion(white_matter)
    core = core if np.count_nonzero(core) > 1000 else white_matter
    rest = np.where(core, image - smooth, np.nan)
    spread = 1.4826 * float(np.nanmedian(np.abs(rest - np.nanmedian(rest))))
    rest = np.where(np.abs(rest) < 3 * spread, rest, np.nan)  # vessels and borders are no noise
    found = float(np.mean([_neighbours(rest, axis) for axis in range(3)]))
    expected = [_after_high_pass(width) for width in WIDTHS_VOXELS]
    best = int(np.argmin([abs(correlation - found) for _, correlation in expected]))
    return HostNoise(spread / expected[best][0], float(WIDTHS_VOXELS[best]))


def _neighbours(rest: NDArray[np.floating], axis: int) -> float:
    """Correlation of neighbours along an axis; NaN is left out."""
    here, there = np.take(rest, range(rest.shape[axis] - 1), axis), np.take(rest, range(1, rest.shape[axis]), axis)
    both = np.isfinite(here) & np.isfinite(there)
    return float(np.mean(here[both] * there[both]) / np.nanmean(rest**2))


def _after_high_pass(width_voxels: float) -> tuple[float, float]:
    """What is left of unit noise of a width after the high-pass: its sd, and the correlation of neighbours."""
    power, square, one = _spectrum(width_voxels)
    left = power * (1 - np.exp(-2 * (np.pi * HIGH_PASS_VOXELS) ** 2 * square)) ** 2
    return float(np.sqrt(left.sum() / power.sum())), float((left * np.cos(2 * np.pi * one)).sum() / left.sum())


def _spectrum(width_voxels: float) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Power of white noise after a blur, the frequencies' squared length, and those along the first axis."""
    frequency = np.fft.fftfreq(_CUBE)
    one, two, three = np.meshgrid(frequency, frequency, frequency, indexing="ij", sparse=True)
    square = one**2 + two**2 + three**2
    return np.exp(-((2 * np.pi * width_voxels) ** 2) * square), square, one
