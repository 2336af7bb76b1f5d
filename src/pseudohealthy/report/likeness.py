"""How like the annotated lesions those of another test set are: what "unseen" means there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Likeness:
    """Overlap of a set's lesions with the annotated ones, each from 0 (nothing in common) to 1 (alike).

    Attributes:
        word: What the set is called for it, such as `near-unseen` or `far-unseen`.
        contrast: Overlap of the distributions of contrast.
        volume: Overlap of the distributions of volume.
        depth: Overlap of the distributions of depth below the brain's surface.
    """

    word: str
    contrast: float
    volume: float
    depth: float

    @property
    def text(self) -> str:
        """The three numbers as they are printed."""
        return f"overlap: contrast {self.contrast:.2f}, volume {self.volume:.2f}, depth {self.depth:.2f}"
