"""What N4 takes for bias: large lesions, and made bias fields (the figures in `prepare/bias_field.py`).

    python benchmarks/bias_field.py LGG OASIS [NAME...]

LGG is a folder of whole heads with lesion masks, of which the subjects NAME are taken (default: the first eight with a
usable brain mask); OASIS a BIDS dataset of stripped healthy scans with `desc-tissue` labels (3 is white matter), of
which every eighth is taken. Printed is, without N4 and with 1 to 4 levels: the mean of the lesion over the median of
the brain more than 4 voxels away from it; and the coefficient of variation of white matter under a made field whose
logarithm has a standard deviation of 0.15.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from pseudohealthy.errors import ImageError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.lesions import read_lesion_mask
from pseudohealthy.io.volume import Volume, read_volume
from pseudohealthy.prepare.bias_field import MOST_LEVELS, find_bias_field
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.strip import find_brain

LEVELS = range(1, MOST_LEVELS + 1)
PATIENTS, EVERY_HEALTHY = 8, 8


def corrected(image: Volume, mask: Volume) -> list[np.ndarray]:
    """The scan as it is, and with each number of levels."""
    return [image.data, *(find_bias_field(image, mask, levels).remove(image).data for levels in LEVELS)]


def tumours(root: Path, names: list[str]) -> None:
    """Print the lesions' contrast."""
    rows = []
    for case in discover([root]):
        if (names and case.name not in names) or len(rows) == (len(names) or PATIENTS):
            continue
        image = read_volume(case.image)
        try:
            mask = brain_mask(image, find_brain(image))
        except ImageError as error:
            print(f"{case.name} left out: {error}")
            continue
        found = read_lesion_mask(case, image)
        if found is None:
            continue
        lesion = found.lesion.data & mask.data
        rest = mask.data & ~ndimage.binary_dilation(lesion, iterations=4)
        rows.append([data[lesion].mean() / np.median(data[rest]) for data in corrected(image, mask)])
        volume_ml = lesion.sum() * image.voxel_ml
        print(f"{case.name}, {volume_ml:.0f} ml:", " ".join(f"{ratio:.3f}" for ratio in rows[-1]), flush=True)
    print(f"tumours, median of {len(rows)}:", " ".join(f"{ratio:.2f}" for ratio in np.median(rows, axis=0)))


def healthy(root: Path) -> None:
    """Print the variation of white matter under a made field, and without it."""
    rows = []
    for case in list(discover([root]))[::EVERY_HEALTHY]:
        image = read_volume(case.image)
        mask = brain_mask(image)
        labels = next((root / "derivatives" / "labels").rglob(f"{case.name}_*desc-tissue*.nii.gz"))
        white = np.round(read_volume(labels).data) == 3
        nodes = np.random.default_rng(0).normal(size=(3, 3, 3))
        field = ndimage.zoom(nodes, np.array(image.shape) / 3, order=3)
        field = field * 0.15 / field[mask.data].std()
        uneven = image.like((image.data * np.exp(field - field[mask.data].mean())).astype(np.float32))
        spread = [data[white].std() / data[white].mean() for data in (image.data, *corrected(uneven, mask))]
        rows.append(spread)
        print(
            f"{case.name}, without the field, with it, corrected:", " ".join(f"{cv:.3f}" for cv in spread), flush=True
        )
    print(f"healthy, mean of {len(rows)}:", " ".join(f"{cv:.3f}" for cv in np.mean(rows, axis=0)))


if __name__ == "__main__":
    tumours(Path(sys.argv[1]), sys.argv[3:])
    healthy(Path(sys.argv[2]))
