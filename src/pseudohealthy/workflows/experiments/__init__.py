"""Whole experiments: what is trained on whom, and what its tables say."""
