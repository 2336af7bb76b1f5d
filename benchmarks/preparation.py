"""What preparing raw scans costs: seconds and memory of each step, of a cohort, and whether memory grows.

    python benchmarks/preparation.py steps SCAN...          each step of each scan, one process, one thread
    python benchmarks/preparation.py cohort SCAN N JOBS [OPTION...]     N copies of a scan through `prepare`
    python benchmarks/preparation.py memory SCAN N JOBS [OPTION...]     the same, watched: memory as cases pass

Copies differ in one voxel, so that they are N scans; they lie on the disk once each and are removed at the end.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from pseudohealthy.io.templates import load_template
from pseudohealthy.io.volume import Volume, read_volume, write_volume
from pseudohealthy.prepare.bias_field import find_bias_field
from pseudohealthy.prepare.brain_mask import brain_mask, is_stripped
from pseudohealthy.prepare.output_grid import around_template
from pseudohealthy.prepare.register import register
from pseudohealthy.prepare.strip import find_brain

T = TypeVar("T")


def steps(file: Path) -> None:
    """Print seconds of each step, and the largest memory of the process after it."""

    def timed(step: str, do: Callable[[], T]) -> T:
        begun = time.perf_counter()
        result = do()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{file.name}\t{step}\t{time.perf_counter() - begun:.1f}\t{peak:.0f}", flush=True)
        return result

    template = load_template("mni152")
    grid = around_template(template, (160, 192, 160), 1.0)
    scan = timed("read", lambda: read_volume(file))
    if is_stripped(scan):
        mask = timed("brain mask (background)", lambda: brain_mask(scan))
    else:
        mask = timed("brain mask (deepbet)", lambda: brain_mask(scan, find_brain(scan, "deepbet")))
    field = timed("bias field (N4, 4 levels)", lambda: find_bias_field(scan, mask))
    even = timed("divide by the field", lambda: field.remove(scan))
    found = timed("register (MNI152)", lambda: register(even, mask, template))
    image = timed("resample (cubic, 1 mm)", lambda: grid.onto(even, found.template_from_world, 3))
    with tempfile.TemporaryDirectory() as folder:
        timed("write", lambda: write_volume(image, Path(folder, "image.nii.gz")))


def copies(scan: Volume, n: int, folder: Path) -> None:
    """Write N scans that differ in one voxel."""
    for number in range(n):
        data = scan.data.copy()
        data.flat[np.flatnonzero(data)[number]] *= 1.01
        write_volume(replace(scan, data=data), folder / f"sub-{number:04d}_T1w.nii.gz")


def cohort(file: Path, n: int, jobs: int, options: list[str], watch: bool) -> None:
    """Run `prepare` on N copies; print minutes, seconds a scan, and the memory of its processes."""
    with tempfile.TemporaryDirectory() as folder:
        raw, out = Path(folder, "raw"), Path(folder, "out")
        raw.mkdir()
        copies(read_volume(file), n, raw)
        command = [sys.executable, "-m", "pseudohealthy", "prepare", str(raw), str(out), "--jobs", str(jobs), "-q"]
        command += options
        begun = time.perf_counter()
        run = subprocess.Popen(command)
        most: dict[int, float] = {}
        if watch:
            print("scans done\tprocesses\tlargest memory, MB")
        told = 0
        while run.poll() is None:
            now = {pid: _memory_mb(pid) for pid in _children(run.pid)}
            most |= {pid: max(mb, most.get(pid, 0.0)) for pid, mb in now.items()}
            done = sum(1 for _ in out.glob("sub-*/anat/*.json")) if watch else 0
            if watch and now and done >= told:
                print(f"{done}\t{len(now)}\t{max(now.values()):.0f}", flush=True)
                told = done + max(n // 12, 1)
            time.sleep(0.5)
        seconds = time.perf_counter() - begun
    workers = [mb for mb in most.values() if mb > 100]  # the others are helpers of multiprocessing
    print(
        f"{n} scans, {jobs} jobs: {seconds / 60:.1f} minutes, {seconds / n:.1f} s a scan, "
        f"peak of a worker {max(workers):.0f} MB (of {len(workers)}), exit code {run.returncode}"
    )


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _memory_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["steps", *scans]:
            print("scan\tstep\tseconds\tpeak MB of the process")
            for one in scans:
                steps(Path(one))
        case ["cohort" | "memory" as what, scan, n, jobs, *options]:
            cohort(Path(scan), int(n), int(jobs), options, what == "memory")
        case _:
            sys.exit(__doc__)
