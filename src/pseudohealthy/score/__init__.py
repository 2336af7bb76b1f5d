"""Anomaly maps, fusion, thresholds, lesions and metrics: pure functions of arrays."""
