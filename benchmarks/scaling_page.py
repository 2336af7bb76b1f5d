"""`scaling.py page`: the tables and the curves of what was measured, as docs/performance-scaling.md and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from scaling import exponent, read

from pseudohealthy.io.files import write_bytes, write_text
from pseudohealthy.report.canvas import encode
from pseudohealthy.report.theme import FONT, PLOT_DPI, THEMES, dress

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = DOCS / "performance-scaling.md", DOCS / "images" / "performance-scaling.webp"
STAGES = {"reconstructor": "Stage I", "segmenter": "Stage II"}

TEXT = """# How the costs grow

Processor seconds (user and system) of one thread, so that what else ran on the machine changes them little; peak
memory is the resident set's. Measured by `benchmarks/scaling.py`
{machine}, and written from the tables in
`benchmarks/results/scaling/`.

![{alt}](images/performance-scaling.webp)

## A prediction, by the voxels of the scan

The model of the recipe `demo` on the MNI152 brain at four voxel sizes. The networks see the model grid, whatever the
scan: what grows is reading, resampling, writing and the page. What a start takes (loading and hashing the model, after
the imports) is taken off.

| voxel | voxels | seconds of the processor | start, besides | peak memory |
|---|---|---|---|---|
{voxels}

Seconds grow like voxels to the power of {voxels_k:.2f} over the whole range.

**Reading and writing beside computing.** While the networks work on a scan of a cohort, `predict` reads the next one
and writes the last. At best that hides all but the longest of the three, and nothing where the networks use all cores.
By reckoning, with one thread on two idle cores:

| voxel | reading and preparing | computing | writing, with the page | at best |
|---|---|---|---|---|
{phases}

{overlap}

## A cohort, by its scans

Copies of the same brain of 4 mm, with a model of the recipe `coarse`.

| scans | seconds of the processor | seconds a scan | start, besides | peak memory |
|---|---|---|---|---|
{volumes}

Seconds grow like the number of scans to the power of {volumes_k:.2f}. From {few} to {many} scans the peak memory
changes by {flat:+.1f} %.

## A training step, by its batch

The recipe `demo`, with 4 to 32 slices a step (`batch_size`). Stage II has the frozen Stage I in it. Memory is that of
the whole process.

| slices | {heads} |
|---|{rules}|
{batch}

Seconds grow like the batch to the power of {batch_k[0]:.2f} (Stage I) and {batch_k[1]:.2f} (Stage II).

## What a step spends before the networks see a slice

The recipe `demo`, 16 slices; Stage II with painted `draem` anomalies, which are part of its slices. There is no loader
process: slices come from memory-mapped arrays, and all is drawn in whole batches.

| | slices | augmentation | noise | step | slices and augmentation |
|---|---|---|---|---|---|
{loader}
"""


OVERLAP = """By the clock, four scans of 1 mm with the recipe `small` on two cores, both ways in turns, each a
process with its start (pairs: {pairs}; medians). So scans overlap only where the networks leave a core alone:

| threads of the networks | one after the other | beside computing | times as fast (range) | peak memory |
|---|---|---|---|---|
{lines}"""
NO_OVERLAP = """By the clock it has not been measured: on an idle machine,
`python benchmarks/scaling.py overlap --out benchmarks/results/scaling`, and then the same with `page` in place of
`overlap`, put the numbers here."""


def write_page(out: Path) -> None:
    """Write page and picture from the tables in `out`."""
    voxels, volumes, loader = (read(out, name) for name in ("voxels", "volumes", "loader"))
    phases = read(out, "phases")
    three = np.array([phases[f"{name}_s"] for name in ("read", "compute", "write")])
    stages = [read(out, "batch", stage=stage) for stage in STAGES]
    scan_s, cohort_s = voxels["cpu_s"] - voxels["start_cpu_s"], volumes["cpu_s"] - volumes["start_cpu_s"]
    k = {
        "voxels_k": exponent(voxels["voxels"], scan_s),
        "volumes_k": exponent(volumes["volumes"], cohort_s),
        "batch_k": [exponent(stage["batch_size"], stage["step_cpu_s"]) for stage in stages],
    }
    count, peak = volumes["volumes"], volumes["peak_mb"]
    alt = "Processor seconds of a prediction by voxels, of a cohort by scans and of a training step by slices"
    _picture(alt, voxels["voxels"], scan_s, count, cohort_s, stages)
    text = TEXT.format(
        machine="on two virtual cores of an x86 processor with AVX-512 and without a GPU",
        alt=alt,
        voxels=_table(
            [f"{mm:g} mm", f"{n / 1e6:.2f} million", f"{s:.1f} s", f"{start:.1f} s", f"{mb:.0f} MB"]
            for mm, n, s, start, mb in zip(
                *(voxels["spacing_mm"], voxels["voxels"], scan_s, voxels["start_cpu_s"], voxels["peak_mb"]), strict=True
            )
        ),
        phases=_table(
            [f"{mm:g} mm", *(f"{s:.2f} s" for s in each), f"{100 * (1 - each.max() / each.sum()):.0f} % less"]
            for mm, each in zip(phases["spacing_mm"], three.T, strict=True)
        ),
        overlap=_overlap(out),
        volumes=_table(
            [f"{n:.0f}", f"{s:.1f} s", f"{s / n:.2f} s", f"{start:.1f} s", f"{mb:.0f} MB"]
            for n, s, start, mb in zip(count, cohort_s, volumes["start_cpu_s"], peak, strict=True)
        ),
        few=f"{count[1]:.0f}",
        many=f"{count[-1]:.0f}",
        flat=100 * (peak[-1] / peak[1] - 1),
        heads=" | ".join(f"{name}: seconds | {name}: peak memory" for name in STAGES.values()),
        rules="|".join(["---"] * 4),
        batch=_table(
            [f"{size:.0f}", *(cell for stage in stages for cell in _step(stage, row))]
            for row, size in enumerate(stages[0]["batch_size"])
        ),
        loader=_table(
            [name, *(f"{loader[key][row]:.1f} ms" for key in KEYS), f"{loader['share_percent'][row]:.1f} %"]
            for row, name in enumerate(STAGES.values())
        ),
        **k,
    )
    write_text(PAGE, text)


KEYS = ("slices_ms", "augmentation_ms", "noise_ms", "step_ms")


def _overlap(out: Path) -> str:
    """Medians of the pairs, or how to measure them."""
    if not (out / "overlap.tsv").is_file():
        return NO_OVERLAP
    lines, pairs = [], 0
    for threads in ("1", "2"):
        rows = read(out, "overlap", threads=threads)
        median = {key: float(np.median(values)) for key, values in rows.items()}
        times, pairs = rows["times"], len(rows["times"])
        lines.append(
            [
                threads,
                *(f"{median[f'{way}_wall_s']:.1f} s" for way in ("in_turn", "beside")),
                f"{median['times']:.2f} ({times.min():.2f} to {times.max():.2f})",
                f"{median['in_turn_peak_mb']:.0f} and {median['beside_peak_mb']:.0f} MB",
            ]
        )
    return OVERLAP.format(pairs=pairs, lines=_table(lines))


def _step(stage: dict[str, np.ndarray], row: int) -> tuple[str, str]:
    return f"{stage['step_cpu_s'][row]:.2f} s", f"{stage['peak_mb'][row]:.0f} MB"


def _table(rows: object) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _picture(
    alt: str,
    voxels: np.ndarray,
    scan_s: np.ndarray,
    count: np.ndarray,
    cohort_s: np.ndarray,
    stages: list[dict[str, np.ndarray]],
) -> None:
    theme = THEMES["light"]
    figure = Figure(figsize=(9.0, 2.9), dpi=PLOT_DPI, layout="constrained", facecolor=theme.paper)
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    steps = [
        (name, stage["batch_size"], stage["step_cpu_s"]) for name, stage in zip(STAGES.values(), stages, strict=True)
    ]
    curves = [
        ("A prediction", "million voxels", [("", voxels / 1e6, scan_s)]),
        ("A cohort", "scans", [("", count, cohort_s)]),
        ("A training step", "slices", steps),
    ]
    for axes, (title, across, lines) in zip(panels, curves, strict=True):
        dress(axes, theme, title)
        axes.set(xscale="log", yscale="log")
        for colour, (name, x, y) in zip(theme.series, lines, strict=False):
            k = exponent(x, y)
            axes.plot(x, y, "o-", color=colour, markersize=4, label=f"{name}, " * bool(name) + f"power {k:.2f}")
        seconds = np.concatenate([y for _, _, y in lines])
        axes.set_ylim(seconds.min() / 2, seconds.max() * 2)
        _ticks(axes.xaxis, lines[0][1])
        _ticks(axes.yaxis, [n * 10.0**k for k in range(-2, 4) for n in (1, 2, 5)])
        axes.set_xlabel(across, fontsize=7.5, color=theme.ink, fontfamily=FONT)
        axes.set_ylabel("processor seconds", fontsize=7.5, color=theme.ink, fontfamily=FONT)
        axes.grid(color=theme.grid, linewidth=0.6)
        axes.legend(frameon=False, labelcolor=theme.ink, loc="upper left", prop={"size": 7.5, "family": FONT})
    write_bytes(PICTURE, encode(figure, "image/webp", alt).content)


def _ticks(axis: Axis, values: Sequence[float]) -> None:
    """At these values alone, in plain numbers."""
    low, high = axis.get_view_interval()
    shown = [value for value in values if low <= value <= high]
    axis.set_major_locator(FixedLocator(shown))
    axis.set_major_formatter(FixedFormatter([f"{value:.2g}" if value < 100 else f"{value:.0f}" for value in shown]))
    axis.set_minor_locator(NullLocator())
