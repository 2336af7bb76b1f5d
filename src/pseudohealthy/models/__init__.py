"""Tensors to tensors, no files: one file a method."""
