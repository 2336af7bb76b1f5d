"""Diffusion model without a condition (DDPM): Ho et al. 2020; row `DDPM` of Table 1 of Behrendt et al., MIDL 2024.

Simplex noise on brain MRI is that of AnoDDPM (Wyatt et al., CVPR-W 2022):

x_t = sqrt(abar_t) x + sqrt(1 - abar_t) e, L = mean |x - f(x_t, t)|, x^ = the mean of f(x_t, t) over `test_steps`.

Differences from the sources: one step back to x_0 instead of hundreds, as in the paper's comparison. Rows are named
after the noise: `ddpm`, and `ddpm_gaussian` or `ddpm_pyramid` where another than simplex is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from pseudohealthy.models.reconstructors.one_step import DiffusionSettings, OneStep


@dataclass(frozen=True)
class DDPMSettings(DiffusionSettings):
    """Settings of the DDPM; the defaults train in minutes on a processor, see `DiffusionSettings`."""


class DDPM(OneStep):
    """One-step x_0 estimates of a diffusion model that sees nothing but the noised slice."""

    def __init__(self, settings: DDPMSettings) -> None:
        super().__init__(settings)
        self.variant = "" if settings.noise == "simplex" else settings.noise
