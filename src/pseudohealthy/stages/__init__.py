"""Training, calibration, inference: the only room that turns a Volume into tensors, and the only one with Lightning."""
