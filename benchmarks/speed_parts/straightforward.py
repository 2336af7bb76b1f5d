"""The score as one writes it first: every slice, with brain or without, every t, one slice a time, scipy's median."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from pseudohealthy.data.slices import generator
from pseudohealthy.models.reconstructors.one_step import OneStep
from pseudohealthy.prepare.scan import PreparedScan
from pseudohealthy.score.ssim import ssim
from pseudohealthy.stages.model_folder import Model
from pseudohealthy.stages.tensors import to_zyx


def straightforward(model: Model, prepared: PreparedScan) -> NDArray[np.float32]:
    """The anomaly score of a diffusion model with a siamese U-Net on the model grid, (z, y, x).

    The reference that the package's own must equal; it shares with it the networks and the SSIM of a whole volume.
    """
    stage_1, stage_2 = model.reconstructor, model.segmenter
    if not isinstance(stage_1, OneStep) or stage_2 is None:
        raise TypeError("this is written for a diffusion model and a segmenter")
    x, mask = to_zyx(prepared.image.data), to_zyx(prepared.mask.data)
    x_hat, y_hat = np.zeros_like(x), np.zeros_like(x)
    steps = stage_1.settings.test_steps
    device = next(stage_1.parameters()).device
    with torch.no_grad():
        for z in range(len(x)):
            image, brain = (torch.from_numpy(part[z])[None, None].to(device) for part in (x, mask))
            maps = stage_1.noise(len(steps), image, generator(model.seed, "predict"))
            views = [
                stage_1.estimate(image, noise[None], torch.tensor([t - 1], device=device)) * brain
                for noise, t in zip(maps, steps, strict=True)
            ]
            mean = torch.stack(views).mean(dim=0)
            seen = [mean] if model.recipe.score.segmented == "mean" else views
            found = torch.stack([stage_2(image, image - view).sigmoid() * brain for view in seen]).mean(dim=0)
            x_hat[z], y_hat[z] = mean[0, 0].cpu().numpy(), found[0, 0].cpu().numpy()
    deviation = np.where(mask, 1 - ssim(x, x_hat), 0)
    smooth = ndimage.median_filter(deviation, model.recipe.score.median_voxels, mode="constant")
    beta = model.recipe.score.beta
    score: NDArray[np.float64] = beta * np.where(mask, smooth, 0).clip(0, 1) + (1 - beta) * y_hat
    return score.astype(np.float32)
