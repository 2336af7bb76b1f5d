"""Batches for training: noise, synthetic anomalies, augmentation; seeded, vectorised, on the device."""
