"""What a page needs to be scrolled through: the layers, the table of thresholds, and the program that shows them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from markupsafe import Markup

from pseudohealthy.report.colours import MASK_COLOUR, SIGNED, TRUTH_COLOUR
from pseudohealthy.report.layers import Layers, make_layers, stored_step, threshold_table
from pseudohealthy.report.page import asset

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

    from pseudohealthy.io.volume import Volume
    from pseudohealthy.stages.prediction import Prediction

NIIVUE = "niivue-0.69.0.umd.js"

COLOUR_MAPS: dict[str, tuple[str, ...]] = {
    "residual": ("blue-orange", "PuOr"),
    "score": ("viridis", "cividis", "magma"),
}
"""All can be told apart with the common colour-vision deficiencies."""


@dataclass(frozen=True, eq=False)
class Viewer:
    """What a template puts into the page.

    Attributes:
        layers: Grid and coarseness of what is shown.
        data: JSON for the program.
        thresholds: How many there are.
        stored: Which of them is the prediction's own.
        has_truth: Whether there is a reference mask.
        library: niivue, compressed, as text.
        program: The script that runs it.
        policy: Sources of the Content-Security-Policy: the SHA-256 of both.
        colour_maps: Layer -> names of colour maps.
    """

    layers: Layers
    data: Markup
    thresholds: int
    stored: int
    has_truth: bool
    library: Markup
    program: Markup
    policy: Markup
    colour_maps: dict[str, tuple[str, ...]]


def make_viewer(prediction: Prediction, lesion: Volume | None = None) -> Viewer:
    """Prepare the viewer of a prediction and, where there is one, its reference mask."""
    thresholds, volumes_ml = threshold_table(prediction)
    layers = make_layers(prediction, thresholds, lesion)
    stored = stored_step(prediction.threshold.value)
    data = {
        "layers": {
            name: {"nifti": base64.b64encode(layer.content).decode(), "low": layer.low, "high": layer.high}
            for name, layer in layers.layers.items()
        },
        "thresholds": [round(float(value), 6) for value in thresholds],
        "volumes_ml": [round(float(ml), 4) for ml in volumes_ml],
        "stored": stored,
        "colours": {name: _colours(name) for names in COLOUR_MAPS.values() for name in names},
        "mask": MASK_COLOUR,
        "truth": TRUTH_COLOUR,
    }
    library, program = _library(), asset("viewer.js")
    return Viewer(
        layers=layers,
        data=_json(data),
        thresholds=len(thresholds),
        stored=stored,
        has_truth=lesion is not None,
        library=Markup(library[0]),
        program=Markup(program),
        policy=Markup(f"'sha256-{_hash(program.encode())}' 'sha256-{library[1]}'"),
        colour_maps=COLOUR_MAPS,
    )


def _json(data: dict[str, Any]) -> Markup:
    """JSON that can stand inside a script element whatever its strings hold."""
    return Markup(json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"))


def _colours(name: str) -> str:
    """256 colours as one string of hexadecimal digits."""
    chosen: Colormap = SIGNED if name == "blue-orange" else matplotlib.colormaps[name]
    rgba = np.asarray(chosen(np.arange(256), bytes=True))
    return bytes(rgba[:, :3].astype(np.uint8).tobytes()).hex()


@lru_cache(maxsize=1)
def _library() -> tuple[str, str]:
    """The vendored program, compressed as text, and the hash that lets a page run it."""
    content = asset(NIIVUE).encode()
    return base64.b64encode(gzip.compress(content, compresslevel=9, mtime=0)).decode(), _hash(content)


def _hash(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
