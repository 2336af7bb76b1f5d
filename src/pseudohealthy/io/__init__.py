"""The only room that reads or writes images: volumes, cohorts, splits, templates."""
