"""The table of reconstructors: a new one is a file here and a line below."""

from collections.abc import Callable
from typing import Any

from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.models.reconstructors.cddpm import CDDPM, CDDPMSettings

RECONSTRUCTORS: dict[str, tuple[type, Callable[[Any], Reconstructor]]] = {
    "cddpm": (CDDPMSettings, CDDPM),
}
"""Name -> (settings, network)."""

__all__ = ["RECONSTRUCTORS", "Reconstructor"]
