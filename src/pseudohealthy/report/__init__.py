"""Figures and self-contained pages that open offline."""
