"""The kinds of experiment that a plan can be: which one it is, a key of its YAML file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from pseudohealthy.errors import ConfigError
from pseudohealthy.stages.shipped import load, shipped
from pseudohealthy.workflows.experiments.painted_plan import PaintedPlan
from pseudohealthy.workflows.experiments.patient_plan import PatientPlan
from pseudohealthy.workflows.experiments.virtual_plan import VirtualPlan

PLANS: Mapping[str, type[VirtualPlan | PaintedPlan | PatientPlan]] = {
    "groups": VirtualPlan,
    "hosts": PaintedPlan,
    "patients": PatientPlan,
}
"""Key -> kind: virtual brains, lesions painted on people, patients."""


def load_any_plan(name: str | Path) -> VirtualPlan | PaintedPlan | PatientPlan:
    """Read a plan of whatever kind.

    Raises:
        ConfigError: No such plan, no kind or two, unknown key or wrong type.
    """
    path = shipped("benchmark").get(str(name), Path(name))
    kind: type[VirtualPlan | PaintedPlan | PatientPlan] = VirtualPlan
    if path.is_file():
        try:
            keys = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, yaml.YAMLError):
            keys = {}  # `load` says what is wrong
        named = [key for key in PLANS if isinstance(keys, Mapping) and key in keys]
        if isinstance(keys, Mapping) and keys and len(named) != 1:
            raise ConfigError(
                path,
                found=f"{' and '.join(named) or 'none of the keys'} that say what kind of plan it is",
                needed=f"one of {', '.join(PLANS)}",
                fix=f"See the shipped ones for examples: {', '.join(shipped('benchmark'))}.",
            )
        kind = PLANS[named[0]] if named else VirtualPlan
    return load(kind, "benchmark", "plan", name)
