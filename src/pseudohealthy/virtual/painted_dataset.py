"""What a dataset of painted lesions says about itself: descriptions and a README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pseudohealthy
from pseudohealthy.io.files import write_json, write_text
from pseudohealthy.virtual.host import WARP_SD_MM
from pseudohealthy.virtual.host_place import Place

BIDS_VERSION = "1.9.0"
_README = """\
Real scans of healthy people on which lesions were painted: no scan here shows a patient.

- Scans lie on a new grid of {spacing} mm, upright in the head, in the world coordinates of their host: they were
  resampled once, by a cubic spline, healthy ones, too. Each host was first bent by a small smooth warp of its own
  ({warp:.1f} mm root mean square), the same for all of its scans.
- The way from a host to MNI152, along which real masks were carried: {by}.
- Lesion masks under derivatives/lesions are the truth of the painting. Masks of patients were neither moved nor grown;
  what of them lay outside the host's brain or in its ventricles was dropped, of MS also what lay outside its white
  matter. Spaces of cerebrospinal fluid inside a stroke's mask keep their intensity.
- cohort.tsv: `host` is the scan that was painted on, `twin` the healthy scan of the same host on the same grid, equal
  voxel by voxel where the lesion does not reach; `mask_source` the patient's mask; `contrast` mean of painted minus
  healthy inside the mask (white matter = 1); `depth_mm` mean depth of the mask below the brain's surface.

The licence and terms of the hosts' dataset, and of the masks', hold for this one, too.
"""


def describe(out: Path, places: Sequence[Place]) -> None:
    """Write dataset descriptions and a README.

    Raises:
        OutputError: A file cannot be written.
    """
    for folder, what in (
        (out, "images"),
        (out / "derivatives/masks", "masks"),
        (out / "derivatives/lesions", "lesions"),
    ):
        description: dict[str, object] = {
            "Name": f"Painted lesions on real scans: {what}",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw" if what == "images" else "derivative",
            "GeneratedBy": [{"Name": "pseudohealthy", "Version": pseudohealthy.__version__}],
        }
        write_json(folder / "dataset_description.json", description)
    text = _README.format(
        spacing=" or ".join(sorted({f"{place.grid.spacing_mm:g}" for place in places})),
        warp=WARP_SD_MM * 3**0.5,
        by=" or ".join(sorted({place.by for place in places})),
    )
    write_text(out / "README", text)
