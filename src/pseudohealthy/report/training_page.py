"""The page of a training: its losses, and what the network made of a few fixed slices over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pseudohealthy.report.canvas import Picture
from pseudohealthy.report.page import write_page
from pseudohealthy.report.slices import CONVENTION
from pseudohealthy.report.svg_chart import Chart, chart

METRICS = {
    "train_loss": "loss of the batch at that step",
    "val_loss": "loss of fixed validation slices",
    "val_lesion_error": "painted slices against their reconstruction, inside the paint: must stay high",
    "val_healing_error": "slices before painting against that reconstruction, inside the paint: should fall",
    "val_dice": "Dice of all validation pixels together, at probability 0.5",
}
"""Column of `metrics.csv` -> what it is."""

_CHARTS = {
    "Loss": ("train_loss", "val_loss"),
    "Painted lesions: error inside the paint": ("val_lesion_error", "val_healing_error"),
    "Dice": ("val_dice",),
}


@dataclass(frozen=True)
class SliceOverTime:
    """One fixed slice.

    Attributes:
        name: Its name.
        fixed: What does not change: heading -> picture of one tile.
        views: Names of the tiles of each moment, top to bottom.
        moments: Step -> its tiles, one above the other.
    """

    name: str
    fixed: Mapping[str, Picture]
    views: Sequence[str]
    moments: Mapping[int, Picture]


def write_training_page(
    path: Path,
    *,
    title: str,
    steps: int,
    metrics: Mapping[str, Sequence[float]],
    slices: Sequence[SliceOverTime],
    reconstructs: bool,
) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        title: Which training.
        steps: Steps of the whole training.
        metrics: Columns of `metrics.csv`, `step` among them.
        slices: What is watched; may be empty.
        reconstructs: Whether the pictures are reconstructions; else scores.

    Raises:
        OutputError: The page cannot be written.
    """
    at = metrics.get("step", ())
    write_page(
        path,
        "training.html.j2",
        title=title,
        steps=steps,
        reached=round(at[-1]) if at else 0,
        charts=_charts(metrics, steps) if at else [],
        metrics=metrics,
        meanings=METRICS,
        slices=slices,
        reconstructs=reconstructs,
        convention=CONVENTION,
    )


def _charts(metrics: Mapping[str, Sequence[float]], steps: int) -> list[Chart]:
    """Those of which there is a column; unknown columns get a chart of their own."""
    known = {name for names in _CHARTS.values() for name in names}
    wanted = _CHARTS | {name: (name,) for name in metrics if name not in known and name != "step"}
    drawn = []
    for title, names in wanted.items():
        lines = {name: metrics[name] for name in names if name in metrics}
        if lines:
            drawn.append(chart(title, metrics["step"], lines, max(steps, metrics["step"][-1])))
    return drawn
