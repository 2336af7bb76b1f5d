"""`scaling.py overlap`: a cohort read and written beside computing, against one scan after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import torch
from scaling import THRESHOLD, brain, measured, untrained

from pseudohealthy.cli import main as run
from pseudohealthy.io.volume import write_volume
from pseudohealthy.stages.model_folder import save_model
from pseudohealthy.stages.recipe import load_recipe
from pseudohealthy.workflows import predict_cohort
from pseudohealthy.workflows.ahead import ahead, in_turn

SCANS, THREADS = 4, (1, 2)
WAYS = {"in_turn": in_turn, "beside": ahead}


def overlap(repeats: int, recipe: str = "small", spacing_mm: float = 1.0) -> Iterator[dict[str, float]]:
    """Pairs of `predict`, each a process of its own: what both ways cost, and how many times as fast it is beside.

    The way that is first changes from pair to pair. For an idle machine of at least two cores.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_model(untrained(load_recipe(recipe)), folder / "model")
        for number in range(SCANS):
            write_volume(brain(spacing_mm), folder / "scans" / f"sub-{number:02d}_T1w.nii.gz")
        for repeat in range(repeats):
            for threads in THREADS:
                order = sorted(WAYS, reverse=bool(repeat % 2))
                cost = {way: measured(lambda way=way, n=threads: _predict(folder, WAYS[way], n)) for way in order}
                row = {f"{way}_{key}": cost[way][key] for way in WAYS for key in ("wall_s", "cpu_s", "peak_mb")}
                yield {"threads": threads, **row, "times": row["in_turn_wall_s"] / row["beside_wall_s"]}


def _predict(folder: Path, way: object, threads: int) -> int:
    torch.set_num_threads(threads)
    command = ["predict", str(folder / "model"), str(folder / "scans"), "--out", str(folder / "out"), "--overwrite"]
    to_spare = mock.patch.object(predict_cohort, "cores_to_spare", return_value=True)
    with to_spare, mock.patch.object(predict_cohort, "ahead", way):
        return run([*command, "--threshold", THRESHOLD, "--quiet"])
