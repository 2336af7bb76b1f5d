"""The noise of a real scan: how strong, how fine, and more of the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.virtual.canvas import Map

HIGH_PASS_VOXELS = 1.5  # sd of the Gaussian that is subtracted
WIDTHS_VOXELS = (0.0, *np.arange(0.3, 1.21, 0.025))  # of the noise's own blur, among which one is found; below: none
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
        blurred = ndimage.gaussian_filter(white, self.width_voxels, mode="wrap")
        return np.asarray(blurred / np.sqrt(_spectrum(self.width_voxels).mean()), dtype=np.float32)

    def blurred(self, sigma_voxels: float) -> tuple[float, float]:
        """What a Gaussian of this sd makes of unit noise: its covariance with the noise, and its variance."""
        power, passed = _spectrum(self.width_voxels), _transfer(sigma_voxels)
        return float((power * passed).sum() / power.sum()), float((power * passed**2).sum() / power.sum())


def noise_of(image: Map, white_matter: NDArray[np.bool_]) -> HostNoise:
    """Find the noise of an image where nothing but noise should vary.

    Args:
        image: (i, j, k).
        white_matter: Voxels that are nothing but white matter.
    """
    cores = (ndimage.binary_erosion(white_matter, iterations=n) for n in (2, 1))  # at a border the blur is lopsided
    core = next((part for part in cores if np.count_nonzero(part) > 1000), white_matter)
    used = white_matter
    for _ in range(2):  # vessels and borders are no noise: once known, they leave the blur, too
        weight = np.maximum(ndimage.gaussian_filter(used.astype(np.float32), HIGH_PASS_VOXELS), 1e-3)
        smooth = ndimage.gaussian_filter(np.where(used, image, 0), HIGH_PASS_VOXELS) / weight
        rest = np.where(core & used, image - smooth, np.nan)
        spread = 1.4826 * float(np.nanmedian(np.abs(rest - np.nanmedian(rest))))
        used = used & (np.abs(image - smooth) < 3.5 * spread)
    rest = np.where(used, rest, np.nan)
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
    power = _spectrum(width_voxels)
    left = power * (1 - _transfer(HIGH_PASS_VOXELS)) ** 2
    along = np.cos(2 * np.pi * np.fft.fftfreq(_CUBE))[:, None, None]
    return float(np.sqrt(left.sum() / power.sum())), float((left * along).sum() / left.sum())


def _spectrum(width_voxels: float) -> NDArray[np.float64]:
    """Power of white noise of unit variance after a blur, at each frequency of a cube; its mean is the variance."""
    return np.asarray(_transfer(width_voxels) ** 2)


def _transfer(sigma_voxels: float) -> NDArray[np.float64]:
    """What a sampled Gaussian, as ndimage has it, lets pass of each frequency of a cube."""
    point = np.zeros(_CUBE)
    point[0] = 1.0
    one = (
        np.fft.fft(ndimage.gaussian_filter1d(point, sigma_voxels, mode="wrap")).real if sigma_voxels else np.ones(_CUBE)
    )
    return np.asarray(one[:, None, None] * one[:, None] * one)
