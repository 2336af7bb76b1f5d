"""Painted lesions to look at, and what is known of them: the figures in docs/how-to/paint-lesions.md.

    python benchmarks/painted_lesions.py HOSTS OUT --masks stroke=FOLDER --masks ms=FOLDER [--exclude-mask patient26]
        [--n-hosts 8] [--per-kind 5] [--spacing-mm 2] [--seed 0]

HOSTS is a dataset of healthy scans with tissue labels (see the how-to), OUT a folder that is not in the repository.
Written: the dataset, `sheet.png` with each lesion before, after and outlined (radiological: the patient's right is on
the left), `lesions.tsv`. Printed: volumes and contrasts of each kind, how much slower painting is than reading, and
whether shams can be told from their healthy twins.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np
from scipy import ndimage

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from pseudohealthy.io.cohort import Case, Cohort
from pseudohealthy.io.table import write_table
from pseudohealthy.io.volume import read_mask, read_volume
from pseudohealthy.score.ranking import rank
from pseudohealthy.virtual.host_files import find_hosts
from pseudohealthy.virtual.host_paint import HOST_KINDS
from pseudohealthy.virtual.overlap import overlaps
from pseudohealthy.virtual.painted_cohort import Wanted, paint_cohort

COLUMNS = 4  # lesions a row of the sheet


def main() -> None:
    """Paint, draw, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--masks", action="append", default=[], metavar="KIND=FOLDER")
    parser.add_argument("--exclude-mask", action="append", default=[])
    parser.add_argument("--kinds", nargs="+", default=[kind for kind in HOST_KINDS if kind != "healthy"])
    parser.add_argument("--n-hosts", type=int, default=8)
    parser.add_argument("--per-kind", type=int, default=5)
    parser.add_argument("--spacing-mm", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    hosts = find_hosts(args.hosts)
    hosts = [hosts[i] for i in np.linspace(0, len(hosts) - 1, args.n_hosts).astype(int)]
    wanted = [Wanted(host.name, "healthy") for host in hosts]
    for number, kind in enumerate(args.kinds):
        turns = [hosts[(number + i) % len(hosts)].name for i in range(args.per_kind)]
        wanted += [Wanted(name, kind, copy=1 + i // len(hosts)) for i, name in enumerate(turns)]
    masks: dict[str, list[Path]] = {}
    for text in args.masks:
        kind, _, folder = text.partition("=")
        masks.setdefault(kind, []).append(Path(folder))
    ends = [time.perf_counter()]
    cohort = paint_cohort(
        args.out,
        hosts,
        wanted,
        args.seed,
        args.spacing_mm,
        masks,
        lambda: ends.append(time.perf_counter()),
        args.exclude_mask,
    )
    tell(cohort, np.diff(ends)[1:])
    draw(cohort, args.out / "sheet.png")


def tell(cohort: Cohort, seconds: np.ndarray) -> None:
    """Print the figures and write `lesions.tsv`."""
    lesions = [case for case in cohort if case.lesion_mask]
    print(f"seconds a scan, reading its host included: median {np.median(seconds):.2f}, mean {seconds.mean():.2f}")
    kinds = {kind: [case for case in lesions if case.pathology == kind] for kind in dict.fromkeys(map(_kind, lesions))}
    for kind, cases in kinds.items():
        ml, contrast, depth = (
            np.array([float(case.columns[key]) for case in cases]) for key in ("lesion_ml", "contrast", "depth_mm")
        )
        print(
            f"{kind}: n {len(cases)}; ml {ml.min():.1f} to {ml.max():.1f}, median {np.median(ml):.1f}; contrast "
            f"{contrast.min():.2f} to {contrast.max():.2f}, median {np.median(contrast):.2f}; "
            f"depth {np.median(depth):.0f} mm"
        )
    if len(kinds.get("tumour", ())) > 1:
        for one in overlaps(kinds["tumour"], {kind: cases for kind, cases in kinds.items() if kind != "tumour"}):
            print(
                f"overlap with tumour, 1 - KS: {one.name}: contrast {one.contrast:.2f}, volume {one.volume:.2f}, "
                f"depth {one.depth:.2f}, least {one.least:.2f}"
            )
    shams = [told_apart(case, cohort) for case in kinds.get("sham", ())]
    if shams:
        names = ("mean", "sd ratio", "lag-1 difference", "AUPRC of |high-pass|", "the same of the twin", "prevalence")
        for name, values in zip(names, np.array(shams).T, strict=True):
            print(f"sham, {name}: mean {values.mean():.4f}, {values.min():.4f} to {values.max():.4f}")
    rows = [{"case": case.name, "mask_source": case.mask_source, **case.columns} for case in lesions]
    table = cohort[0].image.parents[3] / "lesions.tsv"
    write_table(table, ["case", "mask_source", "lesion_ml", "contrast", "depth_mm"], rows)


def _kind(case: Case) -> str:
    return case.pathology


def told_apart(case: Case, cohort: Cohort) -> tuple[float, ...]:
    """What may betray a sham inside its mask: mean, sd and neighbours' correlation against the twin, and a detector."""
    image, twin, lesion, brain = _read(case, cohort)
    white = np.percentile(twin[brain], 85)
    rests = []
    for data in (image, twin):
        weight = np.maximum(ndimage.gaussian_filter(brain.astype(float), 1.5), 1e-3)
        rests.append((data - ndimage.gaussian_filter(data * brain, 1.5) / weight) / white)
    found = [rank(np.abs(rest[lesion]), np.abs(rest[brain & ~lesion])).auprc for rest in rests]
    return (
        float((image - twin)[lesion].mean() / white),
        float(rests[0][lesion].std() / rests[1][lesion].std()),
        _neighbours(rests[0], lesion) - _neighbours(rests[1], lesion),
        *found,
        float(lesion.sum() / brain.sum()),
    )


def _neighbours(rest: np.ndarray, inside: np.ndarray) -> float:
    both = inside[1:] & inside[:-1]
    return float(np.mean(rest[1:][both] * rest[:-1][both]) / np.mean(rest[inside] ** 2))


def _read(case: Case, cohort: Cohort) -> tuple[np.ndarray, ...]:
    image = read_volume(case.image)
    (twin,) = (other for other in cohort if other.name == case.columns["twin"])
    return (
        image.data,
        read_volume(twin.image).data,
        read_mask(case.lesion_mask, image, "lesion mask").data,
        read_mask(case.brain_mask, image, "brain mask").data,
    )


def draw(cohort: Cohort, path: Path) -> None:
    """Each lesion where it is largest: before, after, outlined."""
    lesions = [case for case in cohort if case.lesion_mask]
    rows = -(-len(lesions) // COLUMNS)
    figure, axes = plt.subplots(rows, 3 * COLUMNS, figsize=(3 * COLUMNS * 1.6, rows * 2.1), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for number, case in enumerate(lesions):
        image, twin, lesion, brain = _read(case, cohort)
        top = np.percentile(twin[brain], 99.5)
        level = lesion.sum(axis=(0, 1)).argmax()
        panels = axes[number // COLUMNS, 3 * (number % COLUMNS) :][:3]
        for axis, data in zip(panels, (twin, image, image), strict=True):
            # Stored with x to the right: turned round, the patient's right is on the left of the page.
            plane = data[::-1, :, level].T
            axis.imshow(plane, origin="lower", cmap="gray", vmin=0, vmax=top, interpolation="bicubic")
        panels[2].contour(lesion[::-1, :, level].T, [0.5], colors="red", linewidths=0.6)
        facts = f"{float(case.columns['lesion_ml']):.1f} ml {case.columns['contrast']} {case.mask_source[-28:]}"
        title = f"{case.name[4:]} {facts}"
        panels[0].set_title(title, fontsize=5, loc="left")
    figure.subplots_adjust(0, 0, 1, 0.98, 0.01, 0.08)
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
