"""Random changes of training slices, whole batches at once (paper, section 3: gamma, bias field, blur, ghosting).

Every sample takes each change with its own probability. All random numbers are drawn before any change is made, always
as many, so what the generator yields next depends on nothing but the batch size. The strengths below follow what is
usual for brain MRI. Every change keeps 0 and works inside the mask, and the result is clipped to [0, 1.5].

A sample is a slice, or a slab of neighbouring slices, which all take the same changes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pseudohealthy.config import AugmentSettings
from pseudohealthy.data.single_precision import single_precision

MAX_INTENSITY = 1.5
GAMMA_LOG_RANGE = 0.3  # exponents exp(-0.3) to exp(0.3)
BIAS_LOG_RANGE = 0.2  # the field's control points: factors exp(-0.2) to exp(0.2)
BIAS_POINTS = 4  # control points along each axis
BLUR_SD_PIXELS = (0.3, 0.8)
GHOST_LINES = (2, 6)  # every n-th line of k-space is modulated, which makes n - 1 ghosts
GHOST_SHARE = 0.2  # the ghosts' intensities add up to at most this share of the image's, of either sign

_EFFECTS = 5


def augment(
    x: Tensor, mask: Tensor, label: Tensor | None, settings: AugmentSettings, rng: torch.Generator, slab: int = 1
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Change a batch at random, in the order mirror, ghosting, blur, bias field, gamma.

    Args:
        x: (n, 1, y, x) intensities in [0, 1.5], 0 = background; the last axis runs left to right.
        mask: (n, 1, y, x) bool, the brain.
        label: (n, 1, y, x) lesions, or none. It is mirrored with the image and changes in no other way.
        settings: Probability of each change.
        rng: Generator on the CPU, whatever the device of `x`.
        slab: Slices that follow each other and are one sample; it divides n.

    Returns:
        The changed `x`, exactly 0 outside the mask, the mask and the label. A sample that takes no change is returned
        bit by bit.
    """
    n, device = len(x), x.device
    probabilities = (settings.mirror, settings.ghosting, settings.blur, settings.bias_field, settings.gamma)
    taken = torch.rand(_EFFECTS, n // slab, generator=rng) < torch.tensor(probabilities)[:, None]
    taken = taken.repeat_interleave(slab, dim=1)
    numbers = torch.rand(5, n // slab, 1, 1, 1, generator=rng).repeat_interleave(slab, dim=1)
    lines, axis, share, sd, exponent = numbers.to(device)
    points = torch.rand(n // slab, 1, BIAS_POINTS, BIAS_POINTS, generator=rng).repeat_interleave(slab, dim=0).to(device)
    mirrored = taken[0].view(n, 1, 1, 1).to(device)
    # Only the samples that take a change are computed; which ones is known without asking the device.
    ghosted, blurred, biased, bent = (each.nonzero()[:, 0].to(device) for each in taken[1:])
    any_mirrored = bool(taken[0].any())

    if any_mirrored:
        mask = torch.where(mirrored, mask.flip(-1), mask)
        x = torch.where(mirrored, x.flip(-1), x)
        label = label if label is None else torch.where(mirrored, label.flip(-1), label)
    before = x
    if len(ghosted):
        every = (GHOST_LINES[0] + (GHOST_LINES[1] - GHOST_LINES[0] + 1) * lines[ghosted]).floor()
        shares = GHOST_SHARE * (2 * share[ghosted] - 1)
        x = x.index_copy(0, ghosted, ghosts(x[ghosted], every, axis[ghosted] < 0.5, shares) * mask[ghosted])
    if len(blurred):
        width = BLUR_SD_PIXELS[0] + (BLUR_SD_PIXELS[1] - BLUR_SD_PIXELS[0]) * sd[blurred]
        x = x.index_copy(0, blurred, blur(x[blurred], mask[blurred], width))
    if len(biased):
        fields = bias_field(BIAS_LOG_RANGE * (2 * points[biased] - 1), *x.shape[-2:])
        x = x.index_copy(0, biased, x[biased] * fields)
    if len(bent):
        exponents = (GAMMA_LOG_RANGE * (2 * exponent[bent] - 1)).exp()
        x = x.index_copy(0, bent, gamma(x[bent].clamp(0, MAX_INTENSITY), exponents))
    if x is not before:
        touched = taken[1:].any(0).view(n, 1, 1, 1).to(device)
        x = torch.where(touched, x.clamp(0, MAX_INTENSITY) * mask, x)
    return x, mask, label


def gamma(x: Tensor, exponent: Tensor) -> Tensor:
    """`x ** exponent` up to 1, and `x` above: 0, 1 and the order of intensities stay, and so does the range [0, 1.5].

    Intensities are scaled by a percentile (prepare/intensity.py), which a power of the whole range would move.

    Args:
        x: (n, 1, y, x), not negative.
        exponent: (n, 1, 1, 1), positive.

    Returns:
        (n, 1, y, x).
    """
    return torch.where(x > 1, x, x**exponent)


def bias_field(log_points: Tensor, size_y: int, size_x: int) -> Tensor:
    """Smooth multiplicative field through control points: `exp` of their bicubic interpolation.

    Args:
        log_points: (n, 1, a, b) logarithms of the field at a grid of points that spans the image to its borders.
        size_y: Rows.
        size_x: Columns.

    Returns:
        (n, 1, y, x), positive.
    """
    size = (size_y, size_x)
    return torch.nn.functional.interpolate(log_points, size, mode="bicubic", align_corners=True).exp()


def blur(x: Tensor, mask: Tensor, sd_pixels: Tensor) -> Tensor:
    """Gaussian blur of the brain alone: the background does not bleed in and darken the rim (normalised convolution).

    Args:
        x: (n, 1, y, x), 0 outside the mask.
        mask: (n, 1, y, x) bool.
        sd_pixels: (n, 1, 1, 1) standard deviation.

    Returns:
        (n, 1, y, x), to be used inside the mask; a constant brain stays constant.
    """
    smooth_y, smooth_x = (_gaussian_matrix(size, sd_pixels) for size in x.shape[-2:])
    pair = torch.cat((x, mask.to(x.dtype)), 1)
    with single_precision():
        smooth = smooth_y @ pair @ smooth_x
    return smooth[:, :1] / smooth[:, 1:].clamp_min(1e-6)


def _gaussian_matrix(size: int, sd_pixels: Tensor) -> Tensor:
    """Row i holds the Gaussian's weights around pixel i: (n, 1, size, size), symmetric."""
    position = torch.arange(size, device=sd_pixels.device)
    distance = position[:, None] - position
    return (-0.5 * (distance / sd_pixels).square()).exp()


def ghosts(x: Tensor, every: Tensor, along_y: Tensor, share: Tensor) -> Tensor:
    """Ghosts of periodic motion: every `every`-th line of k-space along one axis is modulated.

    A comb of every n-th line is the mean of n copies of the image, each shifted by 1/n of the field of view. So
    `1 + share / (n - 1) * (n * comb - 1)` leaves the image itself as it is and adds n - 1 ghosts of `share / (n - 1)`
    (exactly where n divides the number of lines).

    Args:
        x: (n, 1, y, x).
        every: (n, 1, 1, 1) whole numbers of at least 2.
        along_y: (n, 1, 1, 1) bool: ghosts are shifted along y, else along x.
        share: (n, 1, 1, 1) sum of the ghosts' intensities; negative ghosts are dark.

    Returns:
        (n, 1, y, x).
    """
    size_y, size_x = x.shape[-2:]
    line_y = torch.fft.fftfreq(size_y, 1 / size_y, device=x.device).round().abs()[:, None]
    line_x = torch.fft.rfftfreq(size_x, 1 / size_x, device=x.device).round()
    comb = torch.where(along_y, line_y, line_x) % every == 0
    modulation = 1 + share / (every - 1) * (every * comb - 1)
    ghosted: Tensor = torch.fft.irfft2(torch.fft.rfft2(x) * modulation, s=(size_y, size_x))
    return ghosted
