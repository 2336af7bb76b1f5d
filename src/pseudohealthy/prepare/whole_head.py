"""The brain in a whole head, refused where it does not look like one."""

from __future__ import annotations

from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume
from pseudohealthy.prepare.brain_mask import brain_mask
from pseudohealthy.prepare.register import register
from pseudohealthy.prepare.registration import refuse_untrusted
from pseudohealthy.prepare.strip import find_brain


def strip_head(image: Volume, tool: str) -> Volume:
    """Find the brain with a tool, and lay it over the MNI152: a mask that does not fit is wrong more often than odd.

    Args:
        image: T1w scan with skull, any storage order.
        tool: Of `prepare.strip.STRIPPERS`, or `auto`.

    Returns:
        The brain mask, bool, on the scan's grid.

    Raises:
        ImageError: The tool failed, or its mask has not the volume or not the shape of a brain.
        MissingExtraError: The tool, or SimpleITK, is not installed.
    """
    mask = brain_mask(image, find_brain(image, tool))
    found = register(image, mask, load_template("mni152"))
    refuse_untrusted(found, image, "mni152", "Look at the scan; try another tool, or give a brain mask.", tool)
    return mask
