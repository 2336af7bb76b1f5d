"""The same virtual person without the lesion: what a method that finds lesions, and not paint, must score alike."""

from __future__ import annotations

from pseudohealthy.io.cohort import Case
from pseudohealthy.virtual.scan import VirtualScan, make_scan


def healthy_twin(case: Case, spacing_mm: float) -> VirtualScan | None:
    """The healthy scan of a simulated case's person, on the same grid; None where the case is not a simulated one.

    Args:
        case: A case of a cohort that `simulate` wrote.
        spacing_mm: Edge of its voxels.
    """
    seed = case.columns.get("seed", "")
    if not seed.isdecimal() or case.mask_source != f"virtual-{seed}":
        return None
    return make_scan(int(seed), "healthy", spacing_mm)
