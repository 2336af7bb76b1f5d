"""Conditioned denoising diffusion model (cDDPM): Behrendt et al., MIDL 2024, section 2.1; arXiv 2312.04215.

The diffusion model of `one_step.py`, told by a condition vector, an encoding of the slice without noise, what the scan
looks like.

Differences from the authors' code: one noise map a training sample (theirs: one for the whole batch); the condition
encoder starts untrained (theirs: masked pre-training as an option).
"""

from __future__ import annotations

from dataclasses import dataclass

from pseudohealthy.models.condition import EncoderName, condition_encoder
from pseudohealthy.models.reconstructors.one_step import DiffusionSettings, OneStep


@dataclass(frozen=True)
class CDDPMSettings(DiffusionSettings):
    """Settings of the cDDPM; the defaults are the paper's.

    Attributes:
        widths: Channels of each level of the denoiser.
        blocks: Residual blocks a level.
        unshuffle: Edge of the pixel blocks folded into channels before the first level; 1 leaves pixels alone.
        encoder: `resnet50` (paper) or `small`.
        condition: Width of the condition vector.
        noise: Name of the noise (`data/noise.py`): `simplex` (paper), `gaussian` or `pyramid`.
        noise_scale: Factor on the noise maps; 1 is the paper's raw simplex sum (sd about 0.58), 1.75 unit variance.
        test_steps: The t whose reconstructions are averaged at test time; a t that stands twice has two noise maps.
    """

    widths: tuple[int, ...] = (128, 256, 256)
    blocks: int = 3
    unshuffle: int = 1
    noise_scale: float = 1.0
    encoder: EncoderName = "resnet50"
    condition: int = 512


class CDDPM(OneStep):
    """One-step x_0 estimates of a conditioned diffusion model."""

    def __init__(self, settings: CDDPMSettings) -> None:
        super().__init__(settings, condition_encoder(settings.encoder, settings.condition), settings.condition)
