"""The kinds of experiment that a plan can be: which one it is, a key of its YAML file says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from pseudohealthy.stages.shipped import load, shipped
from pseudohealthy.workflows.painted_plan import PaintedPlan
from pseudohealthy.workflows.patient_plan import PatientPlan
from pseudohealthy.workflows.plan import Plan

PLANS: Mapping[str, type[Plan | PaintedPlan | PatientPlan]] = {
    "groups": Plan,
    "hosts": PaintedPlan,
    "patients": PatientPlan,
}
"""Key -> kind: virtual brains, lesions painted on people, patients."""


def load_any_plan(name: str | Path) -> Plan | PaintedPlan | PatientPlan:
    """Read a plan of whatever kind.

    Raises:
        ConfigError: No such plan, unknown key or wrong type.
    """
    path = shipped("benchmark").get(str(name), Path(name))
    kind: type[Plan | PaintedPlan | PatientPlan] = Plan
    if path.is_file():
        try:
            keys = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, yaml.YAMLError):
            keys = {}  # `load` says what is wrong
        kind = next((one for key, one in PLANS.items() if isinstance(keys, Mapping) and key in keys), Plan)
    return load(kind, "benchmark", "plan", name)
