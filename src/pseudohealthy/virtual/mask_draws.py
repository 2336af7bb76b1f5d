"""Which real mask each painted scan gets: no mask twice."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache

from pseudohealthy.errors import CohortError
from pseudohealthy.io.volume import Volume
from pseudohealthy.virtual.host_place import Place
from pseudohealthy.virtual.real_masks import LEAST_INSIDE, VOLUME_ML, RealMask, carry_lesion, fits, read_real_mask
from pseudohealthy.virtual.streams import stream


def draw_masks(places: Sequence[Place], pathology: str, masks: Sequence[RealMask], seed: int) -> list[RealMask]:
    """Give each place a mask that fits it, in an order that the seed shuffles.

    A mask that does not fit one host waits for the next.

    Args:
        places: A host as often as it gets a lesion of this kind.
        pathology: The kind.
        masks: To draw from.
        seed: Of the cohort.

    Raises:
        CohortError: There are fewer masks that fit than places.
        ImageError: A mask cannot be used.
    """
    order = stream(seed, f"masks {pathology}").permutation(len(masks))
    left, refused = [masks[i] for i in order], 0
    drawn: list[RealMask] = []
    read = lru_cache(maxsize=32)(read_real_mask)
    for place in places:
        chosen = None
        for mask in left:
            if _fits(read(mask), place):
                chosen = mask
                break
            refused += 1
        if chosen is None:
            low, high = VOLUME_ML
            raise CohortError(
                f"masks of {pathology}",
                found=f"{len(masks)} masks, of which {len(drawn)} could be given to the first {len(drawn)} hosts, no "
                f"other fits {place.files.name}",
                needed=f"{len(places)}, each of {low:g} to {high:g} ml and {LEAST_INSIDE:.0%} inside its host's brain",
                fix="Give more masks, or ask for fewer scans of this kind.",
            )
        left.remove(chosen)
        drawn.append(chosen)
    if refused:
        text = "%s: %d times a mask did not fit a host and another was drawn"
        logging.getLogger("pseudohealthy").info(text, pathology, refused)
    return drawn


def _fits(mask: Volume, place: Place) -> bool:
    return fits(mask, carry_lesion(mask, place.grid), place.brain, place.grid)


def enough(masks: Mapping[str, Sequence[RealMask]], needed: Mapping[str, int]) -> None:
    """Refuse a cohort that wants more masks than there are, before anything is read.

    Raises:
        CohortError: It does; the text says how many.
    """
    for pathology, number in needed.items():
        there = len(masks.get(pathology, ()))
        if there < number:
            raise CohortError(
                f"masks of {pathology}",
                found=f"{there}",
                needed=f"{number}, one for each scan of this kind",
                fix="Give more masks (--masks KIND=FOLDER), or ask for fewer scans.",
            )
