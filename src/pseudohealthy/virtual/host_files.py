"""Which files make a host: a healthy scan and the label map of its tissues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pseudohealthy.errors import CohortError
from pseudohealthy.io.bids import discover
from pseudohealthy.io.cohort import Case
from pseudohealthy.io.names import is_nifti, parse_name
from pseudohealthy.io.walk import files_below

CSF, GREY, WHITE = 1, 2, 3  # values of the label map, as FSL FAST writes them for a T1w scan
LABELS = "*desc-tissue*dseg*"
_MAKE_ONE = (
    "FSL FAST writes one (1 CSF, 2 grey, 3 white matter: rename *_seg.nii.gz to <scan>_desc-tissue_dseg.nii.gz below "
    "derivatives/); labels of SynthSeg or FreeSurfer have to be merged into these three."
)


@dataclass(frozen=True)
class HostFiles:
    """A real scan without lesions and the tissues of its brain.

    Attributes:
        case: The scan; its brain mask where it has one, else it is skull-stripped.
        tissue: Label map on the scan's grid: 1 CSF, 2 grey matter, 3 white matter, 0 elsewhere.
    """

    case: Case
    tissue: Path

    @property
    def name(self) -> str:
        """The scan's name."""
        return self.case.name

    @property
    def label_map(self) -> str:
        """The label map's name: its cohort's, else the file's."""
        return self.case.label_map or parse_name(self.tissue).stem


def find_hosts(dataset: Path, labels: str = LABELS) -> list[HostFiles]:
    """Find the scans of a dataset that can be painted on.

    Args:
        dataset: What `io.bids.discover` takes; cases with a lesion mask are left out.
        labels: Pattern of the label maps' names, below the dataset.

    Raises:
        CohortError: No healthy scan, or one without exactly one label map.
    """
    dataset = Path(dataset)
    cases = [case for case in discover([dataset]) if case.lesion_mask is None]
    if not cases:
        raise CohortError(
            dataset,
            found="no healthy scan",
            needed="scans without a lesion mask",
            fix="Give a dataset of healthy people.",
        )
    root = dataset if dataset.is_dir() else dataset.parent
    files = [file for file in files_below(root) if is_nifti(file) and file.match(labels)]
    return [HostFiles(case, _label_map_of(case, files, labels)) for case in cases]


def _label_map_of(case: Case, files: Sequence[Path], labels: str) -> Path:
    own = [file for file in files if parse_name(file).case == case.name and file != case.image]
    if len(own) == 1:
        return own[0]
    raise CohortError(
        case.image,
        found=f"{len(own) or 'no'} label maps that are called {labels} for {case.name}",
        needed="one tissue label map a scan",
        fix=_MAKE_ONE if not own else f"Name one of them with another pattern: {', '.join(f.name for f in own[:3])}.",
    )
