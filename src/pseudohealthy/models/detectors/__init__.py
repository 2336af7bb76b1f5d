"""The table of detectors, which score a volume without a reconstruction: a new one is a file here and a line below."""

from collections.abc import Callable

from pseudohealthy.models.detectors.base import Detector
from pseudohealthy.models.detectors.constant import Constant
from pseudohealthy.models.detectors.threshold import IntensityThreshold
from pseudohealthy.models.detectors.zmap import ZMap
from pseudohealthy.models.population import Population

DETECTORS: dict[str, Callable[[Population], Detector]] = {
    "constant": Constant,
    "threshold": IntensityThreshold,
    "threshold_dark": lambda population: IntensityThreshold(population, dark=True),
    "zmap": ZMap,
    "zmap_dark": lambda population: ZMap(population, sign=-1),
}
"""Row -> detector, made from the statistics of the brains that Stage I learned from."""

__all__ = ["DETECTORS", "Detector"]
