"""Lesion kinds. A new kind is one file and one line in `PATHOLOGIES`."""

from collections.abc import Mapping

from pseudohealthy.virtual.lesions.base import CONTRAST_SIGN, Lesion, Painted, Shape, paint
from pseudohealthy.virtual.lesions.haemorrhage import Haemorrhage
from pseudohealthy.virtual.lesions.healthy import Healthy
from pseudohealthy.virtual.lesions.ms import MultipleSclerosis
from pseudohealthy.virtual.lesions.sham import Sham
from pseudohealthy.virtual.lesions.stroke import Stroke
from pseudohealthy.virtual.lesions.tumour import Tumour
from pseudohealthy.virtual.lesions.wmh import WhiteMatterHyperintensities

PATHOLOGIES: Mapping[str, Lesion] = {
    "healthy": Healthy(),
    "tumour": Tumour(),
    "stroke": Stroke(),
    "ms": MultipleSclerosis(),
    "wmh": WhiteMatterHyperintensities(),
    "haemorrhage": Haemorrhage(),
    "sham": Sham(),
}

__all__ = ["CONTRAST_SIGN", "PATHOLOGIES", "Lesion", "Painted", "Shape", "paint"]
