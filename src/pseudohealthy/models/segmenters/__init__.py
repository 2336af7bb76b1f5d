"""The table of segmenters: a new one is a file here and a line below."""

from collections.abc import Callable
from typing import Any

from pseudohealthy.models.segmenters.base import Segmenter
from pseudohealthy.models.segmenters.nnunet import NnUNet, NnUNet3dSettings, NnUNetSettings
from pseudohealthy.models.segmenters.unet import UNetSettings, unet, unet_res

SEGMENTERS: dict[str, tuple[type, Callable[[Any], Segmenter]]] = {
    "unet": (UNetSettings, unet),
    "unet_res": (UNetSettings, unet_res),
    "nnunet_2d": (NnUNetSettings, NnUNet),
    "nnunet_3d": (NnUNet3dSettings, NnUNet),
}
"""Name -> (settings, network)."""

__all__ = ["SEGMENTERS", "Segmenter"]
