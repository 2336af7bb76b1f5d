"""The figures of docs/results.md: those of a finished direction's own page, as files.

    python benchmarks/claims_figures.py RUN/tumour --out docs/images

RUN is the folder of `pseudohealthy benchmark semi-real`.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

from pseudohealthy.evaluate.table import read_cases
from pseudohealthy.report.figures import beta_figure, healthy_figure, volume_figure

ROWS = ("cddpm", "sadm_res", "unet_res", "sadm_res_draem")


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    cases = [case for case in read_cases(args.folder / "cases.tsv") if case.grid == "native"]
    betas = [case for case in read_cases(args.folder / "curves.tsv") if case.grid == "native"]
    sets = [name for name in dict.fromkeys(case.test_set for case in cases) if name not in ("healthy", "sham")]
    figures = {
        "beta": beta_figure(betas, sets),
        "volume": volume_figure(cases, ROWS, sets),
        "healthy": healthy_figure(cases, list(dict.fromkeys(case.row for case in cases))),
    }
    for name, figure in figures.items():
        if figure is not None:
            with Image.open(io.BytesIO(figure.light.content)) as picture:
                picture.save(args.out / f"semi-real-{name}.webp", quality=90, method=6)


if __name__ == "__main__":
    main()
