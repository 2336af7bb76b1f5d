"""The table of reconstructors: a new one is a file here and a line below."""

from collections.abc import Callable
from typing import Any

from pseudohealthy.models.reconstructors.ae import AE, AESettings
from pseudohealthy.models.reconstructors.base import Reconstructor
from pseudohealthy.models.reconstructors.cddpm import CDDPM, CDDPMSettings
from pseudohealthy.models.reconstructors.dae import DAE, DAESettings
from pseudohealthy.models.reconstructors.ddpm import DDPM, DDPMSettings
from pseudohealthy.models.reconstructors.disyre import DISYRE, DisyreSettings
from pseudohealthy.models.reconstructors.draem import DRAEM, DraemSettings
from pseudohealthy.models.reconstructors.fae import FAE, FAESettings
from pseudohealthy.models.reconstructors.pddpm import PDDPM, PDDPMSettings
from pseudohealthy.models.reconstructors.pii import PII, PiiSettings
from pseudohealthy.models.reconstructors.rd import RD, RDSettings
from pseudohealthy.models.reconstructors.vae import VAE, VAESettings

RECONSTRUCTORS: dict[str, tuple[type, Callable[[Any], Reconstructor]]] = {
    "cddpm": (CDDPMSettings, CDDPM),
    "ddpm": (DDPMSettings, DDPM),
    "pddpm": (PDDPMSettings, PDDPM),
    "ae": (AESettings, AE),
    "vae": (VAESettings, VAE),
    "dae": (DAESettings, DAE),
    "fae": (FAESettings, FAE),
    "rd": (RDSettings, RD),
    "draem": (DraemSettings, DRAEM),
    "pii": (PiiSettings, PII),
    "disyre": (DisyreSettings, DISYRE),
}
"""Name -> (settings, network)."""

__all__ = ["RECONSTRUCTORS", "Reconstructor"]
