"""Independent random streams of one subject: one seed, one person."""

from __future__ import annotations

import numpy as np


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The generator that one purpose of one seed draws from.

    Streams of different purposes are independent, so that the anatomy, the scanner's noise and a lesion of one seed do
    not depend on what the others draw: the healthy and the diseased scan of a seed show the same person.

    Args:
        seed: The subject's seed, >= 0.
        purpose: What is drawn, such as `anatomy` or `noise`.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy=seed, spawn_key=tuple(purpose.encode()))))


def subject_seed(seed: int, index: int) -> int:
    """The seed of a cohort's subject number `index`; it depends on nothing else, its split and pathology included."""
    return int(np.random.SeedSequence(entropy=seed, spawn_key=(index,)).generate_state(1, np.uint32)[0])
