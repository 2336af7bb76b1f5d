"""Diffusion-inspired synthetic restoration (DISYRE): Naval Marimont et al., 2023, arXiv 2311.15453; v2, 2407.06635.

Diffusion whose noise is synthetic anomalies. A slice with anomalies of grade g in [0, 1] (`data/dag.py`) takes the
place of x_t; a network told g predicts the healthy slice x_0, loss L2. At test time the scan is taken for the worst
grade, restored, degraded again to the next grade and so on (cold diffusion, Bansal et al. 2022, algorithm 2):

    x_0^ = f(x_g, g),    x_g' = x_0^ + (g' / g) (x_g - x_0^),    g = 1 ... 0,

for a degradation that mixes x_0 with something foreign linearly. The anomaly map is the mean of |x_g - x_0^| over the
steps.

Differences from the source: the grade itself is what the network is told (theirs: the step of a schedule at which the
noise has this share), the network is the denoiser of the diffusion models here, and slices are seen whole (theirs:
patches of 128 pixels in a sliding window).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from pseudohealthy.data.dag import DagAnomaly
from pseudohealthy.data.patches import brain_of
from pseudohealthy.data.slices import EVERY
from pseudohealthy.models.denoiser import Denoiser, check_denoiser
from pseudohealthy.models.diffusion import STEPS
from pseudohealthy.models.reconstructors.base import Reconstructor


@dataclass(frozen=True)
class DisyreSettings:
    """Settings of DISYRE; the network trains in minutes on a processor.

    Attributes:
        widths: Channels of each level of the denoiser.
        blocks: Residual blocks a level.
        unshuffle: Edge of the pixel blocks folded into channels before the first level; 1 leaves pixels alone.
        restorations: Steps at test time (source: 5).
    """

    widths: tuple[int, ...] = (32, 64, 64)
    blocks: int = 1
    unshuffle: int = 2
    restorations: int = 5

    def __post_init__(self) -> None:
        check_denoiser(self.widths, self.blocks, self.unshuffle)
        if self.restorations < 1:
            raise ValueError(f"restorations {self.restorations} is not 1 or more")

    @property
    def slice_multiple(self) -> int:
        """What y and x of the slices must be multiples of."""
        multiple: int = self.unshuffle * 2 ** (len(self.widths) - 1)
        return multiple


class DISYRE(Reconstructor):
    """A network that restores healthy slices from graded synthetic anomalies."""

    def __init__(self, settings: DisyreSettings) -> None:
        super().__init__()
        self.settings = settings
        self.paint = DagAnomaly(probability=1.0, strength=(0.0, 1.0))
        self.network = Denoiser(settings.widths, settings.blocks, 0, settings.unshuffle)

    def restored(self, x: Tensor, grade: Tensor) -> Tensor:
        """Prediction of the healthy slices from slices of the given grades: (n, 1, y, x), (n,) -> (n, 1, y, x)."""
        healthy: Tensor = self.network(x, grade * (STEPS - 1))
        return healthy

    def loss(self, x: Tensor, rng: torch.Generator, rows: slice = EVERY) -> Tensor:
        """L2 between the restoration of a corrupted slice and the slice."""
        painted, _, grade = self.paint.corrupt(x, brain_of(x), rng)
        return (self.restored(painted[rows], grade.flatten()[rows]) - x[rows]).square().mean()

    def restoration(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The restored slices, and the mean of |x_g - x_0^| over the steps; both (n, 1, y, x)."""
        total = torch.zeros_like(x)
        grades = torch.linspace(1, 0, self.settings.restorations + 1).tolist()
        for grade, following in pairwise(grades):
            healthy = self.restored(x, torch.full((len(x),), grade, device=x.device))
            total = total + (x - healthy).abs()
            x = healthy + following / grade * (x - healthy)
        return x, total / self.settings.restorations

    def reconstruct(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The slices after the last step."""
        return self.restoration(x)[0]

    def anomaly_map(self, x: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
        """The accumulated difference."""
        return self.restoration(x)[1].clamp(0, 1) * mask

    def validation_loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The training loss, on the same anomalies each time."""
        return self.loss(x, rng)
