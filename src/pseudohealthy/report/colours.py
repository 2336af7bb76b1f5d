"""How values become colours: fixed ranges, so that pictures of different scans can be compared.

All maps can be read with the common colour-vision deficiencies: grey, a blue-to-orange map whose lightness rises from a
dark centre on both sides alike, and matplotlib's perceptually uniform `viridis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap
from numpy.typing import NDArray

RESIDUAL_SHARE = 0.5  # of the grey window's width: where the residual's colours end
MASK_COLOUR = "#ffa62b"
TRUTH_COLOUR = "#3fd0ff"
BRAIN_COLOUR = "#8fe36b"

SIGNED = LinearSegmentedColormap.from_list(
    "darker-brighter", ["#b5ddff", "#4f9fe0", "#1f5c96", "#202224", "#9a4f12", "#e0892f", "#ffd3a0"]
)


@dataclass(frozen=True)
class Scale:
    """A fixed range of values and their colours.

    Attributes:
        low: Value of the first colour.
        high: Value of the last colour.
        colours: The colour map.
        ticks: (value, text) at the colour bar.
    """

    low: float
    high: float
    colours: Colormap
    ticks: tuple[tuple[float, str], ...]

    def paint(self, data: NDArray[Any]) -> NDArray[np.uint8]:
        """Colours (..., 3) of values (...); values outside the range have the colour of its end."""
        share = (np.asarray(data, dtype=np.float64) - self.low) / (self.high - self.low)
        rgba: NDArray[np.uint8] = self.colours(np.clip(share, 0.0, 1.0), bytes=True)
        return rgba[..., :3]


def grey_window(scan: NDArray[Any], brain: NDArray[np.bool_]) -> Scale:
    """The 0.5th to 99.5th percentile of the scan inside the brain, black to white."""
    values = scan[brain] if brain.any() else scan.ravel()
    low, high = (float(value) for value in np.percentile(values, [0.5, 99.5]))
    if high <= low:
        high = low + 1.0
    return Scale(low, high, matplotlib.colormaps["gray"], ((low, _short(low)), (high, _short(high))))


def residual_scale(window: Scale) -> Scale:
    """Symmetric around 0: darker than the reconstruction is blue, brighter is orange; in shares of the grey window."""
    reach = RESIDUAL_SHARE * (window.high - window.low)
    percent = f"{100 * RESIDUAL_SHARE:.0f} %"
    ticks = ((-reach, f"darker {percent}"), (reach, f"brighter {percent}"))
    return Scale(-reach, reach, SIGNED, ticks)


def score_scale() -> Scale:
    """Scores from 0 to 1."""
    return Scale(0.0, 1.0, matplotlib.colormaps["viridis"], ((0.0, "0"), (1.0, "1")))


def _short(value: float) -> str:
    """Three significant digits, thousands in full: 1410, 0.0213."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
