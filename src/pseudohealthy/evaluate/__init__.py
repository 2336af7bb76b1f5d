"""From scored cohorts to tables: case metrics, statistics, the benchmark's grid of runs."""
