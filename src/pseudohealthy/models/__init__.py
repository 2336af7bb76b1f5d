"""Tensors to tensors: the networks of both stages, and the methods that need none."""
