"""One case as a picture: what each panel shows. How it is drawn: `canvas.py`; which slices: `slices.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pseudohealthy.report import slices
from pseudohealthy.report.canvas import Outline, Panel, Picture, draw, encode
from pseudohealthy.report.colours import (
    BRAIN_COLOUR,
    MASK_COLOUR,
    TRUTH_COLOUR,
    Scale,
    grey_window,
    residual_scale,
    score_scale,
)

if TYPE_CHECKING:
    from pseudohealthy.io.volume import Volume
    from pseudohealthy.stages.prediction import Prediction


def render_panels(
    prediction: Prediction,
    lesion: Volume | None = None,
    *,
    count: int = 1,
    mime: str = "image/webp",
    painted: bool = False,
) -> Picture:
    """Draw scan, reconstruction, residual, branches, score and outlines of one case.

    Args:
        prediction: Volumes on the scan's own grid, in any storage order.
        lesion: Reference mask (truth) on the same grid, or None.
        count: 1 draws the slice with most lesion; more are spread over the findings and the brain, lowest first.
        painted: The mask is paint of healthy intensity, not to be found: what is marked leads, not the mask.
        mime: `image/webp` (small) or `image/png` (lossless).

    Returns:
        The picture, in radiological convention, with the letters R and L and the slices' positions written on it.
    """
    scan = prediction.scan.canonical()
    brain, predicted = _bool(prediction.brain_mask), _bool(prediction.mask)
    truth = None if lesion is None else _bool(lesion)
    findings = predicted if truth is None else predicted | truth
    if count == 1:
        positions = [slices.best_slice(brain, predicted, None if painted and predicted.any() else truth)]
    else:
        positions = slices.survey(brain, findings, scan.spacing_mm, count)
    box = slices.crop(brain | findings, scan.spacing_mm)
    middle = [(part.start + min(part.stop, size) - 1) / 2 for part, size in zip(box, scan.shape[:2], strict=True)]
    heights = [f"{(scan.affine @ [*middle, k, 1.0])[2]:.0f}".replace("-", "\N{MINUS SIGN}") for k in positions]
    called = "paint, nothing to find" if painted else "truth (reference)"
    panels = _panels(prediction, scan.data, brain, predicted, truth, box, called)
    figure = draw(panels, brain[box], positions, [f"z = {height} mm" for height in heights], scan.spacing_mm)
    names = ", ".join(panel.title for panel in panels[:-1])
    outlines = "the mask's outline" if truth is None else "the outlines of mask and truth"
    plural = "slice" if len(positions) == 1 else "slices"
    where = ", ".join(heights)
    alt = f"Axial {plural} at z = {where} mm; from left to right: {names}, and {outlines} over the scan."
    return encode(figure, mime, alt)


def _panels(
    prediction: Prediction,
    scan: NDArray[Any],
    brain: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    truth: NDArray[np.bool_] | None,
    box: tuple[slice, slice],
    called: str,
) -> list[Panel]:
    def cut(volume: Volume) -> NDArray[Any]:
        return volume.canonical().data[box]

    grey, unit = grey_window(scan, brain), score_scale()
    image, healthy = scan[box], cut(prediction.reconstruction)
    residual = image.astype(np.float32) - healthy
    both = prediction.supervised is not None
    threshold = ((prediction.threshold.value, f"threshold {prediction.threshold.value:.2f}"),)
    panels = [
        _scan(image, brain[box], grey),
        Panel("reconstruction", "pseudo-healthy", healthy, grey, masked=False),
        Panel("residual", "scan \N{MINUS SIGN} reconstruction", residual, residual_scale(grey)),
        Panel("unsupervised x̃", "unlike the reconstruction", cut(prediction.unsupervised), unit),
    ]
    if prediction.supervised is not None:
        panels.append(Panel("supervised ŷ", "segmentation network", cut(prediction.supervised), unit))
    subtitle = "both branches joined" if both else "unsupervised branch alone"
    panels.append(Panel("anomaly score", subtitle, cut(prediction.score), unit, marks=threshold))
    outlines: tuple[Outline, ...] = (Outline(predicted[box], MASK_COLOUR, 0.9),)
    legend = "score above threshold"
    if truth is not None:
        outlines = (Outline(truth[box], TRUTH_COLOUR, 1.8), *outlines)  # still seen where both agree
        legend = f"{called}\n{legend}"
    panels.append(Panel("mask", legend, image, grey, masked=False, bar=False, outlines=outlines))
    return panels


def _scan(image: NDArray[Any], brain: NDArray[np.bool_], grey: Scale) -> Panel:
    """The scan; where it is a whole head, with the outline of what was taken for its brain."""
    if not image[~brain].any():
        return Panel("scan", "as read", image, grey, masked=False)
    outlines = (Outline(brain, BRAIN_COLOUR, 0.8),)
    return Panel("scan", "taken for brain", image, grey, masked=False, bar=False, outlines=outlines)


def _bool(mask: Volume) -> NDArray[np.bool_]:
    return mask.canonical().data.astype(bool)
