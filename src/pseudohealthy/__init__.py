"""Pseudo-healthy reconstruction and anomaly segmentation for brain MRI (SADM, Behrendt et al., MIDL 2024)."""

__version__ = "0.1.0"
