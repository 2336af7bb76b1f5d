"""Brains and lesions with known truth, made from a template."""
