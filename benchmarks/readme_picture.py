"""The picture of the README: three test scans of a demonstration, below each other.

    pseudohealthy demo --out DEMO
    python benchmarks/readme_picture.py DEMO --out docs/images

Of the pathology that was annotated the scan with the best Dice, of the one that never was the best and the worst.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from PIL import Image

SHOWN = (("tumour", "best"), ("stroke", "best"), ("stroke", "worst"))


def main() -> None:
    """Join and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    cases = {
        (case["test_set"], case["place"]): case
        for case in json.loads((args.folder / "gallery.json").read_text(encoding="utf-8"))
    }
    pictures = [Image.open(args.folder / cases[wanted]["picture"]["file"]).convert("RGB") for wanted in SHOWN]
    joined = Image.new("RGB", (max(one.width for one in pictures), sum(one.height for one in pictures)))
    top = 0
    for wanted, picture in zip(SHOWN, pictures, strict=True):
        joined.paste(picture, (0, top))
        top += picture.height
        print(*wanted, cases[wanted]["title"], f"Dice {cases[wanted]['metrics']['dice']:.2f}")
    joined.save(args.out / "demo.webp", quality=85, method=6)


if __name__ == "__main__":
    main()
