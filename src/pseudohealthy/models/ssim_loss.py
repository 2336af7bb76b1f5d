"""1 - SSIM of slices as a training loss (Wang et al. 2004): Gaussian window of 11 pixels, sigma 1.5, range 1.

`score/ssim.py` is the measure of volumes, in numpy; this one has gradients. MONAI's would cost seconds of import.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pseudohealthy.data.single_precision import single_precision

SIGMA, WINDOW = 1.5, 11
K1, K2 = 0.01, 0.03


def ssim_loss(x: Tensor, y: Tensor) -> Tensor:
    """1 - mean SSIM over all windows that lie inside the slices.

    Args:
        x: (n, 1, y, x), intensities on the scale where the healthy range is 1; at least 11 pixels a side.
        y: Same shape.

    Returns:
        A scalar in [0, 2]; always computed with 32 bits, for variances are differences of squares.
    """
    with single_precision():
        x, y = x.float(), y.float()
        mean_x, mean_y, xx, yy, xy = _smoothed(torch.cat((x, y, x * x, y * y, x * y), dim=1)).unbind(1)
        c1, c2 = K1**2, K2**2
        luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
        structure = (2 * (xy - mean_x * mean_y) + c2) / (xx - mean_x**2 + yy - mean_y**2 + c2)
        similarity: Tensor = (luminance * structure).mean()
        return 1 - similarity


def _smoothed(x: Tensor) -> Tensor:
    """Weighted means under the window, (n, c, y, x) -> (n, c, y - 10, x - 10)."""
    offset = torch.arange(WINDOW, device=x.device) - WINDOW // 2
    weight = (-0.5 * (offset / SIGMA) ** 2).exp()
    weight = (weight / weight.sum()).expand(x.shape[1], 1, WINDOW)
    down = functional.conv2d(x, weight[..., None], groups=x.shape[1])
    return functional.conv2d(down, weight[:, :, None], groups=x.shape[1])
