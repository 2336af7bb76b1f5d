"""Conditioned denoising diffusion model (cDDPM): Behrendt et al., MIDL 2024, section 2.1; arXiv 2312.04215.

The diffusion model of `one_step.py`, told by a condition vector, an encoding of the slice without noise, what the scan
looks like.

Differences from the authors' code: one noise map a training sample (theirs: one for the whole batch); masked
pre-training of the condition encoder is an option here as there, and off by default.
"""

from __future__ import annotations

from dataclasses import dataclass

from pseudohealthy.models.condition import EncoderName, condition_encoder
from pseudohealthy.models.reconstructors.one_step import DiffusionSettings, OneStep
from pseudohealthy.models.spark import SparK


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
        pretrain_steps: Steps of masked pre-training of the encoder (`models/spark.py`) before Stage I; 0 for none.
        mask_ratio: Share of the slice that it hides (paper: 0.65).
        test_steps: The t whose reconstructions are averaged at test time; a t that stands twice has two noise maps.
    """

    widths: tuple[int, ...] = (128, 256, 256)
    blocks: int = 3
    unshuffle: int = 1
    noise_scale: float = 1.0
    encoder: EncoderName = "resnet50"
    condition: int = 512
    pretrain_steps: int = 0
    mask_ratio: float = 0.65

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.condition < 1:
            raise ValueError(f"condition {self.condition} is not 1 or more")
        if self.pretrain_steps < 0:
            raise ValueError(f"pretrain_steps {self.pretrain_steps} is not 0 or more")
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio {self.mask_ratio:g} is not between 0 and 1")


class CDDPM(OneStep):
    """One-step x_0 estimates of a conditioned diffusion model."""

    def __init__(self, settings: CDDPMSettings) -> None:
        super().__init__(settings, condition_encoder(settings.encoder, settings.condition), settings.condition)
        self._pretrain_steps, self._mask_ratio = settings.pretrain_steps, settings.mask_ratio

    def pretraining(self) -> tuple[SparK, int] | None:
        """Masked pre-training of the condition encoder."""
        if self.encoder is None or not self._pretrain_steps:
            return None
        return SparK(self.encoder, self._mask_ratio), self._pretrain_steps
